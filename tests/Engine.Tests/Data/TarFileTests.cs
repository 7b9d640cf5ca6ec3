using System.Diagnostics;
using System.Text;
using Engine.Data;

namespace Engine.Tests.Data;

public sealed class TarFileTests : IDisposable
{
    private const int Records = 1;
    private readonly TemporaryFolder _folder = new();
    private readonly CifarSet _ten = CifarSet.TenWith(Records);

    private string Archive => _folder["cifar-10-binary.tar.gz"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Files_of_all_usual_formats_are_found_by_their_whole_names()
    {
        string deep = string.Join('/', Enumerable.Repeat("a-folder-with-a-long-name", 12)) + "/file.bin";
        foreach (System.Formats.Tar.TarEntryFormat format in (System.Formats.Tar.TarEntryFormat[])[System.Formats.Tar.TarEntryFormat.Pax, System.Formats.Tar.TarEntryFormat.Gnu])
        {
            MemoryStream stream = new();
            using (System.Formats.Tar.TarWriter writer = new(stream, format, leaveOpen: true))
            {
                foreach (string name in (string[])[deep, "second"])
                {
                    System.Formats.Tar.TarEntry entry = format == System.Formats.Tar.TarEntryFormat.Pax
                        ? new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.RegularFile, name)
                        : new System.Formats.Tar.GnuTarEntry(System.Formats.Tar.TarEntryType.RegularFile, name);
                    entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(name));
                    writer.WriteEntry(entry);
                }
            }

            stream.Position = 0;
            TarFile tar = new(stream, 1 << 20);
            foreach (string name in (string[])[deep, "second"])
            {
                Assert.True(tar.Next());
                Assert.Equal(name, tar.Name);
                Assert.Equal(name, new StreamReader(tar.Content).ReadToEnd());
            }

            Assert.False(tar.Next());
        }
    }

    [Fact]
    public void A_sparse_file_is_refused_in_words() => Refused(Header("data_batch_1.bin", (byte)'S', "00000000000"u8), "stored with holes");

    [Theory]
    [InlineData("80FFFFFFFFFFFFFFFFFFFFFF")]
    [InlineData("800000007FFFFFFFFFFFFFFF")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFF")]
    [InlineData("373737373737373737373700")]
    public void A_length_that_cannot_be_is_refused_in_words(string length) =>
        Refused(Header("data_batch_1.bin", (byte)'0', Convert.FromHexString(length)), "");

    [Theory]
    [InlineData('x')]
    [InlineData('L')]
    [InlineData('K')]
    [InlineData('g')]
    [InlineData('0')]
    public void What_unpacks_to_far_more_than_the_set_takes_neither_memory_nor_time(char type)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Stopwatch watch = Stopwatch.StartNew();
        Refused([.. Header("other", (byte)type, "10000000000"u8), .. new byte[100_000]], "");
        Refused([.. Header("other", (byte)type, "00000400000"u8), .. new byte[300_000]], "");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4_000_000);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Many_files_that_are_not_of_the_set_are_counted_together()
    {
        byte[] one = [.. Header("other", (byte)'0', "00001000000"u8), .. new byte[1 << 18]];
        Refused([.. Enumerable.Repeat(one, 70).SelectMany(f => f)], "unpacks to more than");
    }

    [Theory]
    [InlineData("99 path=x\n")]
    [InlineData("path=x\n")]
    [InlineData("2 \n")]
    [InlineData("12 size=abc\n")]
    [InlineData("30 GNU.sparse.map=0,1\nabcdefgh\n")]
    public void A_damaged_extended_header_is_refused_in_words(string attributes)
    {
        byte[] body = new byte[512];
        Encoding.UTF8.GetBytes(attributes, body);
        Refused([.. Header("x", (byte)'x', Encoding.ASCII.GetBytes(Convert.ToString(attributes.Length, 8).PadLeft(11, '0'))), .. body], "");
    }

    [Theory]
    [InlineData("8000000000000000", "header is damaged")]
    [InlineData("80FFFFFFFFFFFFFF", "header is damaged")]
    [InlineData("FFFFFFFFFFFFFFFF", "header is damaged")]
    public void A_check_sum_in_base_256_is_a_number_as_any(string checkSum, string expected)
    {
        byte[] header = Header("data_batch_1.bin", (byte)'0', "00000006001"u8);
        Convert.FromHexString(checkSum).CopyTo(header, 148);
        Refused(header, expected);
    }

    [Fact]
    public void A_right_check_sum_and_length_in_base_256_are_taken()
    {
        byte[] header = Header("file", (byte)'0', Convert.FromHexString("800000000000000000000003"));
        int sum = header.Where((_, i) => i is < 148 or >= 156).Sum(b => b) + (8 * ' ');
        Convert.FromHexString($"80{sum:X14}").CopyTo(header, 148);
        TarFile tar = new(new MemoryStream([.. header, .. new byte[512], .. new byte[1024]]), 1 << 20);
        Assert.True(tar.Next());
        Assert.Equal(("file", 3L), (tar.Name, tar.Length));
        Assert.False(tar.Next());
    }

    [Fact]
    public void Any_damage_is_one_line()
    {
        byte[] whole = [.. Header("data_batch_1.bin", (byte)'0', "00000006001"u8), .. new byte[3584], .. Header("x", (byte)'x', "00000000015"u8), .. new byte[512], .. new byte[1024]];
        RandomSource random = new(3);
        for (int i = 0; i < 300; i++)
        {
            byte[] file = [.. whole];
            for (int change = random.NextInt(3); change >= 0; change--)
            {
                file[random.NextInt(file.Length)] = (byte)random.NextInt(256);
            }

            Refused(file, "");
        }
    }

    private void Refused(byte[] archive, string part)
    {
        File.WriteAllBytes(Archive, DataFiles.Gzip(archive));
        DataFiles.AssertOneLine(() => _ten.Open(Archive), Archive, part);
    }

    private static byte[] Header(string name, byte type, ReadOnlySpan<byte> length)
    {
        byte[] header = new byte[512];
        Encoding.UTF8.GetBytes(name, header);
        length.CopyTo(header.AsSpan(124));
        header[156] = type;
        "ustar\0"u8.CopyTo(header.AsSpan(257));
        header.AsSpan(148, 8).Fill((byte)' ');
        int sum = header.Sum(b => b);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0", header.AsSpan(148));
        return header;
    }
}
