namespace Engine.Verification;

/// <summary>Fill, copy and the preparation of images.</summary>
internal static class MemoryChecks
{
    private static readonly DataType[] Types = [DataType.Float32, DataType.Float64, DataType.BFloat16, DataType.Int32, DataType.UInt8];

    public static IEnumerable<PrimitiveCheck> All() => [.. Fills(), .. Copies(), .. Images()];

    private static IEnumerable<PrimitiveCheck> Fills()
    {
        foreach (DataType type in Types)
        {
            foreach (int count in (int[])[1, 37, 4099])
            {
                yield return new PrimitiveCheck("Fill", $"{type} [{count}]", trial =>
                {
                    double value = type.IsFloating() ? trial.Random.NextNormal() : trial.Random.NextInt(200);
                    Pair output = trial.Output(new Shape(count), Accuracy.Elementwise, type);
                    trial.Run(side => side.Device.Fill(side[output], value));
                });
            }
        }

        yield return new PrimitiveCheck("Fill", "with the float type's zero", trial =>
        {
            Pair output = trial.Output(new Shape(3, 5, 7, 11), Accuracy.Exact);
            trial.Run(side => side.Device.Fill(side[output], 0));
        });
    }

    private static IEnumerable<PrimitiveCheck> Copies()
    {
        foreach (DataType from in Types)
        {
            foreach (DataType to in Types)
            {
                yield return new PrimitiveCheck("Copy", $"{from} to {to}", trial =>
                {
                    const int count = 1037;
                    bool isInteger = !from.IsFloating() || !to.IsFloating();
                    double[] values = Trial.Draw(count, () => isInteger ? trial.Random.NextInt(256) : trial.Random.NextNormal());
                    Pair input = trial.Input(new Shape(count), values, from);
                    Pair output = trial.Output(new Shape(count), Accuracy.Exact, to);
                    trial.Run(side => side.Device.Copy(side[input], side[output]));
                });
            }
        }

        yield return new PrimitiveCheck("Copy", "to another shape", trial =>
        {
            Pair input = trial.Input(new Shape(3, 4, 5, 7));
            Pair output = trial.Output(new Shape(60, 7), Accuracy.Exact);
            trial.Run(side => side.Device.Copy(side[input], side[output]));
        });
    }

    private static IEnumerable<PrimitiveCheck> Images()
    {
        (int Count, int Height, int Width, int Channels, int OutputHeight, int OutputWidth)[] cases =
            [(1, 1, 1, 1, 1, 1), (5, 8, 8, 1, 8, 8), (6, 9, 7, 3, 9, 7), (7, 12, 10, 3, 5, 6), (4, 5, 6, 3, 11, 13), (16, 32, 32, 3, 32, 32),
                (3, 4, 4, 5, 4, 4)];
        foreach ((int n, int h, int w, int c, int p, int q) in cases)
        {
            foreach (bool isMeanPerPixel in (bool[])[false, true])
            {
                string name = $"[{n}, {h}, {w}, {c}] to {p}x{q}, mean per {(isMeanPerPixel ? "pixel" : "channel")}";
                yield return new PrimitiveCheck("PrepareImages", name, trial =>
                {
                    Shape shape = new(n, h, w, c);
                    Pair pixels = trial.Input(shape, Trial.Draw(shape.Count, () => trial.Random.NextInt(256)), DataType.UInt8);
                    Pair placements = trial.Input(new Shape(n, 3), Placements(trial.Random, n, h, w, p, q), DataType.Int32);
                    Pair mean = trial.Input(isMeanPerPixel ? new Shape(h, w, c) : new Shape(c), 0.5, 0.1).Wide();
                    Pair scale = trial.Input(new Shape(c), 4, 0.5).Wide();
                    Pair output = trial.Output(new Shape(n, p, q, c));
                    trial.Run(side => side.Device.PrepareImages(side[pixels], side[placements], side[mean], side[scale], side[output]));
                });
            }
        }
    }

    // The first image lies wholly outside; the others reach past any side, by up to 4 pixels. Every second one is mirrored.
    private static double[] Placements(RandomSource random, int count, int height, int width, int outputHeight, int outputWidth)
    {
        double[] placements = new double[count * 3];
        for (int n = 0; n < count; n++)
        {
            placements[n * 3] = n == 0 && count > 1 ? height + 3 : random.NextInt(Math.Abs(height - outputHeight) + 9) - 4 + Math.Min(height - outputHeight, 0);
            placements[(n * 3) + 1] = random.NextInt(Math.Abs(width - outputWidth) + 9) - 4 + Math.Min(width - outputWidth, 0);
            placements[(n * 3) + 2] = n % 2;
        }

        return placements;
    }
}
