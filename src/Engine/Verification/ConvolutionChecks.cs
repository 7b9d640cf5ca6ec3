namespace Engine.Verification;

/// <summary>Convolutions of every kind: the shapes of residual networks, and odd ones that no network has.</summary>
internal static class ConvolutionChecks
{
    private static readonly Case[] Cases =
    [
        // 1x1: single pixels, odd channels, strided shortcuts.
        new(1, 1, 1, 1, 1, 1), new(1, 1, 1, 5, 3, 1), new(2, 4, 4, 16, 32, 1), new(3, 5, 7, 17, 33, 1), new(2, 8, 8, 64, 128, 1, Stride: 2),
        new(2, 7, 9, 10, 3, 1, Stride: 2), new(2, 7, 7, 33, 16, 1, Stride: 3), new(1, 5, 5, 3, 5, 1, Padding: 1), new(1, 14, 14, 128, 64, 1),

        // 3x3: the body of every network, in full and odd channel counts.
        new(1, 1, 1, 3, 5, 3, Padding: 1), new(1, 3, 3, 1, 1, 3), new(2, 5, 5, 3, 16, 3, Padding: 1), new(8, 32, 32, 16, 16, 3, Padding: 1),
        new(2, 16, 16, 16, 32, 3, Stride: 2, Padding: 1), new(3, 16, 16, 32, 32, 3, Padding: 1), new(2, 8, 8, 64, 64, 3, Padding: 1),
        new(1, 9, 7, 17, 33, 3, Padding: 1), new(2, 9, 7, 33, 10, 3, Stride: 2, Padding: 1), new(1, 11, 13, 5, 17, 3, Stride: 3, Padding: 1),
        new(1, 6, 6, 10, 10, 3, Padding: 2), new(1, 6, 6, 3, 3, 3, Padding: 3), new(1, 8, 9, 16, 16, 3, Padding: 2, Dilation: 2),
        new(2, 9, 9, 5, 3, 3, Stride: 2, Padding: 2, Dilation: 2), new(1, 7, 7, 128, 16, 3, Padding: 1), new(1, 4, 4, 16, 128, 3, Stride: 2, Padding: 1),
        new(1, 28, 28, 1, 16, 3, Padding: 1), new(2, 8, 8, 1, 16, 3, Stride: 2, Padding: 1), new(1, 4, 65, 16, 16, 3, Padding: 1),

        // 5x5 and 7x7, among them the stem of the ImageNet networks; filters larger than the image without its padding.
        new(2, 9, 9, 3, 5, 5, Padding: 2), new(1, 12, 10, 16, 17, 5, Stride: 2, Padding: 2), new(1, 33, 31, 3, 64, 7, Stride: 2, Padding: 3),
        new(2, 16, 16, 3, 16, 7, Stride: 2, Padding: 3), new(1, 2, 2, 3, 5, 5, Padding: 2), new(2, 3, 1, 5, 16, 7, Stride: 2, Padding: 3),
        new(1, 9, 9, 3, 3, 5, Padding: 1, Dilation: 2), new(1, 224, 10, 3, 8, 7, Stride: 2, Padding: 3),

        // Groups: few, many and depthwise, with and without stride and dilation.
        new(2, 6, 6, 4, 6, 3, Padding: 1, Groups: 2), new(1, 7, 5, 16, 32, 3, Stride: 2, Padding: 1, Groups: 4), new(1, 8, 8, 64, 64, 3, Padding: 1, Groups: 2),
        new(2, 5, 5, 17, 17, 3, Padding: 1, Groups: 17), new(
            1, 9, 9, 32, 32, 3, Stride: 2, Padding: 1, Groups: 32), new(1, 6, 6, 5, 10, 3, Padding: 1, Groups: 5),
        new(1, 7, 7, 128, 128, 3, Padding: 1, Groups: 32), new(2, 4, 4, 12, 20, 1, Groups: 4), new(1, 9, 9, 6, 9, 3, Padding: 2, Dilation: 2, Groups: 3),
        new(1, 8, 8, 34, 34, 1, Groups: 2), new(1, 10, 10, 16, 16, 5, Stride: 3, Padding: 2, Groups: 16),

        // Groups of 1, 2, 4 and 8 channels, of which several share a vector.
        new(1, 9, 8, 48, 48, 3, Padding: 2, Dilation: 2, Groups: 6), new(2, 6, 5, 32, 32, 3, Stride: 2, Padding: 1, Groups: 16),
        new(1, 5, 5, 16, 16, 1, Groups: 4), new(1, 7, 9, 32, 32, 3, Padding: 1, Dilation: 2, Groups: 32),

        // Nothing square.
        new(2, 7, 9, 5, 7, new Size2(1, 3), Padding: new Size2(0, 1)), new(1, 9, 7, 16, 16, new Size2(3, 1), new Size2(2, 1), new Size2(1, 0)),
        new(1, 11, 6, 3, 17, new Size2(5, 3), new Size2(1, 2), new Size2(0, 2), new Size2(2, 1)),
        new(2, 6, 11, 10, 16, new Size2(2, 4), new Size2(3, 2), new Size2(1, 3)), new(1, 5, 8, 4, 4, new Size2(2, 2), 2, Groups: 2),
        new(1, 10, 10, 3, 4, 2, Stride: 3), new(1, 7, 7, 2, 3, 1, Stride: 2, Padding: 3),
    ];

    public static IEnumerable<PrimitiveCheck> All() => [.. Cases.Concat(Drawn(24)).Distinct().SelectMany(Checks), .. ChangedFilter(), .. WithNorm()];

    private static IEnumerable<PrimitiveCheck> Checks(Case c)
    {
        yield return new PrimitiveCheck("ConvolutionForward", $"{c}", trial =>
        {
            Pair input = trial.Input(c.Input), filter = trial.Input(c.Filter).Wide(), output = trial.Output(c.Output, Accuracy.Sum);
            trial.Run(side => side.Device.ConvolutionForward(side[input], side[filter], c.Geometry, side[output]));
        });
        foreach (bool accumulate in (bool[])[false, true])
        {
            string added = accumulate ? ", added" : "";
            yield return new PrimitiveCheck("ConvolutionBackwardData", $"{c}{added}", trial =>
            {
                Pair gradient = trial.Input(c.Output), filter = trial.Input(c.Filter).Wide(), target = trial.Target(c.Input, accumulate, Accuracy.Sum);
                trial.Run(side => side.Device.ConvolutionBackwardData(side[gradient], side[filter], c.Geometry, new(side[target], accumulate)));
            });
            yield return new PrimitiveCheck("ConvolutionBackwardFilter", $"{c}{added}", trial =>
            {
                Pair input = trial.Input(c.Input), gradient = trial.Input(c.Output), target = trial.Target(c.Filter, accumulate, Accuracy.Sum).Wide();
                trial.Run(side => side.Device.ConvolutionBackwardFilter(side[input], side[gradient], c.Geometry, new(side[target], accumulate)));
            });
        }
    }

    // With the batch norm that follows it in evaluation: every tail, on shapes whose channels fill vectors and on such that do not.
    private static IEnumerable<PrimitiveCheck> WithNorm()
    {
        Case[] cases =
        [
            new(2, 4, 4, 16, 32, 1), new(2, 5, 7, 17, 33, 1, Stride: 2), new(3, 16, 16, 32, 32, 3, Padding: 1), new(1, 9, 7, 17, 10, 3, Padding: 1),
            new(2, 16, 16, 3, 16, 7, Stride: 2, Padding: 3), new(1, 8, 8, 64, 64, 3, Padding: 1, Groups: 2), new(1, 6, 6, 5, 10, 3, Padding: 1, Groups: 5),
        ];
        foreach (Case c in cases)
        {
            foreach ((bool shortcut, bool relu) in ((bool, bool)[])[(false, false), (false, true), (true, false), (true, true)])
            {
                yield return new PrimitiveCheck("ConvolutionNormInference", $"{c}{(shortcut ? " + shortcut" : "")}{(relu ? " + ReLU" : "")}", trial =>
                {
                    Shape vector = new(c.K);
                    Pair input = trial.Input(c.Input), filter = trial.Input(c.Filter).Wide();
                    Pair gamma = trial.Input(vector, 1, 0.3).Wide(), beta = trial.Input(vector).Wide(), mean = trial.Input(vector).Wide();
                    Pair variance = trial.Input(vector, Trial.Draw(c.K, () => trial.Round(5 + trial.Random.NextDouble()))).Wide();
                    Pair? residual = shortcut ? trial.Input(c.Output) : null;
                    Pair output = trial.Output(c.Output, Accuracy.Sum);
                    trial.Run(side => side.Device.ConvolutionNormInference(
                        side[input], side[filter], c.Geometry, side[gamma], side[beta], side[mean], side[variance], 1e-3, side.Optional(residual), relu,
                        side[output]));
                });
            }
        }
    }

    // A device may keep a packed copy of a filter; it must notice that training or loading has changed the numbers.
    private static IEnumerable<PrimitiveCheck> ChangedFilter()
    {
        (string How, Action<Side, Tensor, Tensor> Change)[] changes =
        [
            ("SgdStep", OptimizerChecks.Step),
            ("Copy", (side, filter, other) => side.Device.Copy(other, filter)),
            ("Fill", (side, filter, _) => side.Device.Fill(filter, 0.25)),
            ("Tensor.Write", (_, filter, other) => filter.Write<double>(other.ToArray<double>())),
        ];
        foreach ((string how, Action<Side, Tensor, Tensor> change) in changes)
        {
            foreach (Case c in (Case[])[new(2, 6, 6, 16, 32, 3, Padding: 1), new(2, 6, 6, 32, 16, 1), new(1, 6, 6, 8, 8, 3, Padding: 1, Groups: 4)])
            {
                yield return new PrimitiveCheck("ConvolutionForward", $"{c}, again after {how} changed the filter", trial =>
                {
                    Pair input = trial.Input(c.Input), other = trial.Input(c.Filter).Wide(), filter = trial.Updated(c.Filter).Wide();
                    Pair first = trial.Output(c.Output, Accuracy.Sum), second = trial.Output(c.Output, Accuracy.Sum);
                    trial.Run(side =>
                    {
                        side.Device.ConvolutionForward(side[input], side[filter], c.Geometry, side[first]);
                        change(side, side[filter], side[other]);
                        side.Device.ConvolutionForward(side[input], side[filter], c.Geometry, side[second]);
                    });
                });
                yield return new PrimitiveCheck("ConvolutionBackwardData", $"{c}, again after {how} changed the filter", trial =>
                {
                    Pair gradient = trial.Input(c.Output), other = trial.Input(c.Filter).Wide(), filter = trial.Updated(c.Filter).Wide();
                    Pair first = trial.Output(c.Input, Accuracy.Sum), second = trial.Output(c.Input, Accuracy.Sum);
                    trial.Run(side =>
                    {
                        side.Device.ConvolutionBackwardData(side[gradient], side[filter], c.Geometry, side[first]);
                        change(side, side[filter], side[other]);
                        side.Device.ConvolutionBackwardData(side[gradient], side[filter], c.Geometry, side[second]);
                    });
                });
            }
        }
    }

    // Cases that nobody thought of; the same ones in every run, so that their names stand still.
    private static IEnumerable<Case> Drawn(int count)
    {
        RandomSource random = new(2015);
        int[] channels = [1, 2, 3, 5, 8, 10, 16, 17, 24];
        for (int found = 0; found < count;)
        {
            int groups = random.NextInt(4) == 0 ? 1 + random.NextInt(4) : 1;
            Case drawn = new(
                1 + random.NextInt(3), 1 + random.NextInt(12), 1 + random.NextInt(12),
                groups * channels[random.NextInt(channels.Length)], groups * channels[random.NextInt(channels.Length)],
                Extent(random, 1, 5), Extent(random, 1, 3), Extent(random, 0, 3), Extent(random, 1, 2), groups);
            if (drawn.Fits)
            {
                found++;
                yield return drawn;
            }
        }
    }

    private static Size2 Extent(RandomSource random, int least, int most) =>
        new(least + random.NextInt(most - least + 1), least + random.NextInt(most - least + 1));

    /// <summary>One convolution: N images of H x W pixels, from C to K channels.</summary>
    private sealed record Case(
        int N, int H, int W, int C, int K, Size2 Kernel, Size2? Stride = null, Size2? Padding = null, Size2? Dilation = null, int Groups = 1)
    {
        public ConvolutionGeometry Geometry => new(Stride ?? 1, Padding ?? 0, Dilation ?? 1, Groups);

        public Shape Input => new(N, H, W, C);

        public Shape Filter => new(K, Kernel.Height, Kernel.Width, C / Groups);

        public Shape Output => Geometry.OutputShape(Input, Filter);

        public bool Fits =>
            H + (2 * Geometry.Padding.Height) > Geometry.Dilation.Height * (Kernel.Height - 1)
            && W + (2 * Geometry.Padding.Width) > Geometry.Dilation.Width * (Kernel.Width - 1);

        public override string ToString() =>
            $"{Input} to {K}, kernel {Kernel}, stride {Geometry.Stride}, padding {Geometry.Padding}, dilation {Geometry.Dilation}, groups {Groups}";
    }
}
