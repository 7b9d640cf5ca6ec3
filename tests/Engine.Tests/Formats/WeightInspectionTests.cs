using System.Runtime.InteropServices;
using Engine.Formats;

namespace Engine.Tests.Formats;

/// <summary>What is found in values with which no network computes.</summary>
public sealed class WeightInspectionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Values_that_are_no_numbers_are_counted_by_their_kind()
    {
        WeightFindings found = Assert.Single(Inspect("fc.weight", StoredType.F32, 1, float.NaN, float.PositiveInfinity, float.NegativeInfinity, -2));
        Assert.Equal((5, 1, 2, 0, 0), (found.Count, found.NaNs, found.Infinities, found.Overflows, found.Negatives));
        Assert.False(found.IsFinite);
        Assert.Equal("1 of its 5 numbers is NaN, 2 are infinite", found.Text);
        Assert.Empty(Inspect("fc.weight", StoredType.F32, 1, -2, float.MaxValue, float.Epsilon, 0));
    }

    [Theory]
    [InlineData(StoredType.F16, 65519, 65520, "float16")]
    [InlineData(StoredType.BF16, 3.3895e38f, 3.4e38f, "bfloat16")]
    public void What_another_type_rounds_to_infinity_is_too_large(StoredType becomes, float largest, float tooLarge, string name)
    {
        Assert.Empty(Inspect("fc.weight", becomes, largest, -largest));
        WeightFindings found = Assert.Single(Inspect("fc.weight", becomes, largest, tooLarge, -tooLarge));
        Assert.Equal((2, 0, false), (found.Overflows, found.Infinities, found.IsFinite));
        Assert.Equal($"2 of its 3 numbers are too large for {name} and become infinite", found.Text);
    }

    [Fact]
    public void Only_variances_must_not_be_negative()
    {
        WeightFindings found = Assert.Single(Inspect("bn.running_var", StoredType.F32, 1, 0, -0.5f, -0.25f));
        Assert.Equal((2, -0.5, true), (found.Negatives, found.Least, found.IsFinite));
        Assert.Equal("2 of its 4 numbers are negative, though it is a variance (the least is -0.5)", found.Text);
        Assert.Empty(Inspect("bn.running_mean", StoredType.F32, 1, 0, -0.5f));
        Assert.Empty(Inspect("bn.running_var", StoredType.F32, 1, 0, float.Epsilon));
    }

    [Fact]
    public void Whole_numbers_and_what_becomes_one_are_not_looked_at()
    {
        Assert.Empty(Inspect("bn.running_var", StoredType.I64, float.NaN, -1));
        string path = _folder["n.safetensors"];
        SafetensorsWriter.Write(path, [new StoredTensor("x.running_var", StoredType.I64, [1], () => MemoryMarshal.AsBytes<long>([-1L]).ToArray())]);
        using TensorFile file = TensorFile.Open(path);
        Assert.Empty(WeightInspection.Inspect(file, file.Entries.Select(e => (e.Name, e, StoredType.F32))));
    }

    private IReadOnlyList<WeightFindings> Inspect(string name, StoredType becomes, params float[] values)
    {
        string path = _folder["x.safetensors"];
        SafetensorsWriter.Write(path, [new StoredTensor(name, StoredType.F32, [values.Length], () => MemoryMarshal.AsBytes<float>(values).ToArray())]);
        using TensorFile file = TensorFile.Open(path);
        return WeightInspection.Inspect(file, file.Entries.Select(e => (e.Name, e, becomes)));
    }
}
