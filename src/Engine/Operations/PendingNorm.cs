namespace Engine;

/// <summary>A batch norm whose result nobody has computed yet.</summary>
/// <param name="Input">The norm's input [N, H, W, C].</param>
/// <param name="Map">What makes the result of it.</param>
internal readonly record struct PendingNorm(Tensor Input, NormMap Map)
{
    /// <summary>The norm behind a tensor whose values are pending; null for one that holds its values.</summary>
    public static PendingNorm? Of(Tensor tensor) => tensor.IsPending ? tensor.Producer!.Pending : null;
}
