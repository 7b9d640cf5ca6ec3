using System.IO.Compression;

namespace Vision.Tests;

/// <summary>
/// The images of Data/images.zip, which Data/make_images.py makes with Pillow and torchvision, and of Data/other-images.zip, in which the pixels of
/// NAME.KIND are called NAME.KIND.rgb.
/// </summary>
internal static class ImageFixtures
{
    private static readonly Dictionary<string, byte[]> Files = ReadArchives();

    /// <summary>The names of all files with some beginning and end, in order.</summary>
    public static IEnumerable<string> Names(string start, string end) => Files.Keys
        .Where(n => n.StartsWith(start, StringComparison.Ordinal) && n.EndsWith(end, StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    /// <summary>A file's content.</summary>
    public static byte[] Read(string name) => Files[name];

    /// <summary>The width and height of an image's pixels.</summary>
    public static (int Width, int Height) Size(string stem)
    {
        string[] parts = System.Text.Encoding.ASCII.GetString(Files[stem + ".size"]).Split(' ');
        return (int.Parse(parts[0]), int.Parse(parts[1]));
    }

    /// <summary>A folder with some of the images.</summary>
    public static void WriteTo(string folder, params IEnumerable<string> names)
    {
        Directory.CreateDirectory(folder);
        foreach (string name in names)
        {
            File.WriteAllBytes(Path.Combine(folder, name), Files[name]);
        }
    }

    /// <summary>The mean and the largest difference of two images, in 1/255.</summary>
    public static (double Mean, int Largest) Difference(ReadOnlySpan<byte> actual, ReadOnlySpan<byte> expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        long sum = 0;
        int largest = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            int difference = Math.Abs(actual[i] - expected[i]);
            sum += difference;
            largest = Math.Max(largest, difference);
        }

        return ((double)sum / actual.Length, largest);
    }

    private static Dictionary<string, byte[]> ReadArchives()
    {
        Dictionary<string, byte[]> files = new(StringComparer.Ordinal);
        foreach (string name in (string[])["images.zip", "other-images.zip"])
        {
            using ZipArchive archive = ZipFile.OpenRead(Path.Combine(AppContext.BaseDirectory, "Data", name));
            foreach (ZipArchiveEntry entry in archive.Entries)
            {
                using Stream stream = entry.Open();
                byte[] content = new byte[entry.Length];
                stream.ReadExactly(content);
                files.Add(entry.Name, content);
            }
        }

        return files;
    }
}
