using System.Security.Cryptography;
using Engine.Data;

namespace Engine.Tests.Data;

public class DigitsTests
{
    [Fact]
    public void All_digits_are_those_of_the_UCI_set()
    {
        MemoryImageSource all = DigitsSet.ReadAll();
        Assert.Equal((1797, 8, 8, 1), (all.Count, all.Height, all.Width, all.Channels));
        byte[] pixels = new byte[1797 * 64];
        byte[] labels = new byte[1797];
        int[] counts = new int[10];
        for (int i = 0; i < all.Count; i++)
        {
            all.Read(i, pixels.AsSpan(i * 64, 64));
            labels[i] = (byte)all.Label(i);
            counts[all.Label(i)]++;
        }

        // Computed from the original file with Python: pixels as (v * 255 + 8) // 16.
        Assert.Equal("b41ca9fd335466eee997366c2e6f6bbe0a1b4582afe091fc4eba35f4a254182f", Convert.ToHexStringLower(SHA256.HashData(pixels)));
        Assert.Equal("8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0", Convert.ToHexStringLower(SHA256.HashData(labels)));
        Assert.Equal([178, 182, 177, 183, 181, 182, 181, 179, 174, 180], counts);
        Assert.Equal(8_953_801, pixels.Sum(p => (long)p));
    }

    [Fact]
    public void Thirty_six_of_each_digit_are_held_out_and_none_is_in_both_parts()
    {
        ImageDataset set = DataSets.Open("digits");
        ImageSubset train = Assert.IsType<ImageSubset>(set.Train);
        ImageSubset test = Assert.IsType<ImageSubset>(set.Test);
        Assert.Equal((1437, 360), (train.Count, test.Count));
        Assert.Equal(1797, train.Indices.ToArray().Concat(test.Indices.ToArray()).Distinct().Count());
        Assert.All(Enumerable.Range(0, 360).GroupBy(test.Label), g => Assert.Equal(36, g.Count()));
        Assert.False(set.IsMirrorable);
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], set.ClassNames);
        Assert.Contains("CC BY 4.0", set.Credit, StringComparison.Ordinal);
    }

    [Fact]
    public void The_split_is_the_same_every_time()
    {
        ReadOnlySpan<int> first = ((ImageSubset)DataSets.Open("digits").Test).Indices;
        ReadOnlySpan<int> second = ((ImageSubset)DataSets.Open("digits").Test).Indices;
        Assert.True(first.SequenceEqual(second));
        Assert.Equal([1, 3, 5], first[..3].ToArray());
    }

    [Fact]
    public void An_unknown_set_lists_those_that_exist() =>
        DataFiles.AssertOneLine(() => DataSets.Open("emnist"), "emnist", "digits, mnist, fashion-mnist, cifar10, cifar100");
}
