using System.Security.Cryptography;

namespace Engine.Tests;

public sealed class Sha256Tests
{
    [Fact]
    public void Hashes_of_every_length_are_those_of_dotnet()
    {
        byte[] data = [.. Enumerable.Range(0, 300).Select(i => (byte)(i * 37))];
        for (int length = 0; length <= data.Length; length++)
        {
            Assert.Equal(SHA256.HashData(data.AsSpan(0, length)), Sha256.HashData(data.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Pieces_have_the_hash_of_the_whole()
    {
        Sha256 hash = new();
        hash.AppendData("ab"u8);
        hash.AppendData([]);
        hash.AppendData("c"u8);
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Convert.ToHexStringLower(hash.Finish()));
    }
}
