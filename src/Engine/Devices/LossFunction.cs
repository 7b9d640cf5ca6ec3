namespace Engine;

/// <summary>What one element x of an output loses against its target t, for <see cref="Device.PointwiseLoss"/>.</summary>
public enum LossFunction
{
    /// <summary>(x - t)^2.</summary>
    Squared,

    /// <summary>|x - t|, with slope 0 at 0.</summary>
    Absolute,

    /// <summary>(x - t)^2 / 2 where |x - t| is at most delta, delta (|x - t| - delta / 2) beyond; delta is the parameter.</summary>
    Huber,

    /// <summary>-t log s(x) - (1 - t) log(1 - s(x)), with s the sigmoid: max(x, 0) - x t + log(1 + exp(-|x|)).</summary>
    BinaryCrossEntropy,
}
