#:project ../../src/Vision/Vision.csproj
#:property TieredPGO=false
#:property TieredCompilationQuickJitForLoops=false
// The engine's side of bench/images: reads training crops of 224 pixels from JPEG files, one after the other on one core.
// usage: Images ROUNDS FILE...    prints images per second
using System.Diagnostics;
using System.Globalization;
using Engine;
using Engine.Vision;

int rounds = int.Parse(args[0], CultureInfo.InvariantCulture);
string[] paths = args[1..];
using ImageLoader loader = new(new ImageOptions());
RandomSource random = new(0);
byte[] pixels = new byte[224 * 224 * 3];
byte[] mirrored = new byte[pixels.Length];
foreach (string path in paths)
{
    Read(path);
}

Stopwatch watch = Stopwatch.StartNew();
for (int round = 0; round < rounds; round++)
{
    foreach (string path in paths)
    {
        Read(path);
    }
}

Console.WriteLine((paths.Length * rounds / watch.Elapsed.TotalSeconds).ToString(CultureInfo.InvariantCulture));

// In training the device mirrors while it normalizes; here it is done on the pixels, as Pillow has to.
void Read(string path)
{
    loader.ReadRandom(path, random, pixels);
    if (random.NextInt(2) == 1)
    {
        for (int y = 0; y < 224; y++)
        {
            for (int x = 0; x < 224; x++)
            {
                pixels.AsSpan(((y * 224) + x) * 3, 3).CopyTo(mirrored.AsSpan(((y * 224) + 223 - x) * 3));
            }
        }
    }
}
