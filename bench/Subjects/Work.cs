namespace Engine.Bench.Subjects;

/// <summary>What one call of a benchmark must do at least, however it is computed.</summary>
/// <param name="Bytes">Each tensor that is read, once, and each that is written, once; 0 where it is not counted (whole blocks and steps).</param>
/// <param name="Operations">Two for each multiply-add of a convolution or matrix product, computed directly; 0 for everything else.</param>
public readonly record struct Work(double Bytes, double Operations = 0);
