namespace Engine.Verification;

/// <summary>A choice of the gradients that a normalization's backward makes: those that are wanted, or those that are added to.</summary>
[Flags]
internal enum NormGradients
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary>The gradient by the input.</summary>
    Input = 1,

    /// <summary>The gradient by the shortcut.</summary>
    Shortcut = 2,

    /// <summary>The gradient by gamma.</summary>
    Gamma = 4,

    /// <summary>The gradient by beta.</summary>
    Beta = 8,
}
