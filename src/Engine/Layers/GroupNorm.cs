namespace Engine.Layers;

/// <summary>
/// Group norm of [N, H, W, C] (Wu and He, 2018): each image's channels are split into groups, and each group is normalized by its own
/// mean and biased variance; then times gamma[c] plus beta[c]. It behaves the same in training and in evaluation.
/// </summary>
public sealed class GroupNorm : AffineNormalization
{
    /// <summary>Makes a group norm with gamma 1 and beta 0.</summary>
    /// <param name="groups">Into how many groups the channels are split.</param>
    /// <param name="channels">C.</param>
    /// <param name="epsilon">Added to the variance inside the root.</param>
    /// <exception cref="ShapeException">The groups do not divide the channels.</exception>
    public GroupNorm(int groups, int channels, double epsilon = 1e-5) : base(channels, epsilon) => Groups = groups >= 1 && channels % groups == 0
        ? groups
        : throw new ShapeException($"GroupNorm: {groups} groups must divide {channels} channels");

    /// <summary>Into how many groups the channels are split.</summary>
    public int Groups { get; }

    /// <inheritdoc/>
    protected override string Summary => $"{Groups}, {Channels}, eps={PythonText.Of(Epsilon)}, affine=True";

    /// <inheritdoc/>
    private protected override Tensor Normalize(Tensor input, Tensor? shortcut, bool relu)
    {
        Tensor normalized = GroupNormOperation.Apply(input, Groups, Weight.Value, Bias.Value, Epsilon);
        return Donate(normalized, Tail(normalized, shortcut, relu));
    }
}
