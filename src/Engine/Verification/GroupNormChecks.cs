namespace Engine.Verification;

/// <summary>Group norm from one group to one a channel.</summary>
internal static class GroupNormChecks
{
    private static readonly (Shape Shape, int Groups, double Mean)[] Cases =
    [
        (new Shape(2, 3, 3, 4), 1, 0), (new Shape(2, 3, 3, 4), 2, 0), (new Shape(2, 3, 3, 4), 4, 0), (new Shape(1, 1, 1, 8), 2, 0),
        (new Shape(3, 5, 7, 32), 8, 0),
        (new Shape(2, 9, 9, 48), 3, 0), (new Shape(2, 4, 5, 15), 5, 0), (new Shape(2, 4, 4, 64), 32, 0), (new Shape(4, 16, 16, 16), 4, 100),
        (new Shape(2, 8, 8, 64), 32, -100),
        (new Shape(1, 5, 5, 34), 2, 0), (new Shape(2, 16, 16, 1), 1, 100),
    ];

    public static IEnumerable<PrimitiveCheck> All() => Cases.SelectMany(Checks);

    private static IEnumerable<PrimitiveCheck> Checks((Shape Shape, int Groups, double Mean) data)
    {
        (Shape shape, int groups, double center) = data;
        Shape vector = new(shape.Last), statistics = new(shape[0], groups);
        string name = $"{shape} around {center} in {groups} group(s)";
        yield return new PrimitiveCheck("GroupNorm", name, trial =>
        {
            Pair input = trial.Input(shape, center), gamma = trial.Input(vector, 1, 0.3).Wide(), beta = trial.Input(vector).Wide();
            Pair output = trial.Output(shape, Accuracy.Sum), mean = trial.Output(statistics, Accuracy.Sum).Wide(),
                deviation = trial.Output(statistics, Accuracy.Sum).Wide();
            trial.Run(side => side.Device.GroupNorm(side[input], groups, side[gamma], side[beta], 1e-5, side[output], side[mean], side[deviation]));
        });
        const NormGradients all = NormGradients.Input | NormGradients.Gamma | NormGradients.Beta;
        (NormGradients Wanted, NormGradients Added)[] uses =
        [
            (all, NormGradients.None), (all, all), (all, NormGradients.Gamma), (all, NormGradients.Input | NormGradients.Beta),
            (NormGradients.Input, NormGradients.None), (
                NormGradients.Gamma | NormGradients.Beta, NormGradients.None), (NormGradients.Gamma, NormGradients.Gamma),
            (NormGradients.Beta, NormGradients.None),
        ];
        foreach ((NormGradients wanted, NormGradients added) in uses)
        {
            yield return new PrimitiveCheck("GroupNormBackward", $"{name}, {wanted}, adding {added}", trial =>
            {
                Pair gradient = trial.Input(shape), input = trial.Input(shape, center), gamma = trial.Input(vector, 1, 0.3).Wide();
                Pair mean = trial.Input(statistics, center, 0.1).Wide();
                Pair deviation = trial.Input(statistics, Trial.Draw(statistics.Count, () => trial.Round(0.8 + (0.4 * trial.Random.NextDouble())))).Wide();
                Pair? inputGradient = wanted.HasFlag(NormGradients.Input) ? trial.Target(shape, added.HasFlag(NormGradients.Input), Accuracy.Sum) : null;
                Pair? gammaGradient = wanted.HasFlag(NormGradients.Gamma) ? trial.Target(
                    vector, added.HasFlag(NormGradients.Gamma), Accuracy.Sum).Wide() : null;
                Pair? betaGradient = wanted.HasFlag(NormGradients.Beta) ? trial.Target(vector, added.HasFlag(NormGradients.Beta), Accuracy.Sum).Wide() : null;
                trial.Run(side => side.Device.GroupNormBackward(
                    side[gradient], side[input], groups, side[gamma], side[mean], side[deviation],
                    new(side.Optional(inputGradient), added.HasFlag(NormGradients.Input)),
                    new(side.Optional(gammaGradient), added.HasFlag(NormGradients.Gamma)),
                    new(side.Optional(betaGradient), added.HasFlag(NormGradients.Beta))));
            });
        }
    }
}
