namespace Engine.Devices.Cpu.Simd;

/// <summary>
/// One width of vector arithmetic. Kernels are written once, over a vector type <typeparamref name="V"/> and the operator struct
/// that implements this interface for it; the JIT compiles them anew for each width, with every call inlined.
/// </summary>
internal unsafe interface ISimd<V> where V : struct
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Width { get; }

    /// <summary>How many vectors the processor holds in registers: 32 or 16.</summary>
    static abstract int Registers { get; }

    static abstract V Zero { get; }

    static abstract V Broadcast(float value);

    static abstract V Load(float* source);

    static abstract void Store(V value, float* destination);

    static abstract V Add(V left, V right);

    static abstract V Subtract(V left, V right);

    static abstract V Multiply(V left, V right);

    /// <summary>left * right + addend, rounded once where the processor can.</summary>
    static abstract V MultiplyAdd(V left, V right, V addend);

    /// <summary>max(value, 0); a NaN stays one.</summary>
    static abstract V ClipNegative(V value);

    /// <summary>value where gate &gt; 0, zero elsewhere.</summary>
    static abstract V WherePositive(V gate, V value);

    /// <summary>The sum of all floats, in a fixed order.</summary>
    static abstract float Sum(V value);

    static abstract V Divide(V left, V right);

    /// <summary>Each float, or the nearer of -limit and limit where it lies outside; a NaN stays one.</summary>
    static abstract V Clamp(V value, float limit);

    /// <summary>e to the power of each float, within two units in the last place.</summary>
    static abstract V Exp(V value);

    /// <summary>value where left = right, zero elsewhere.</summary>
    static abstract V WhereEqual(V left, V right, V value);

    /// <summary>Puts value and its position where the best and its position were, in the lanes where value is greater, or the first NaN.</summary>
    static abstract void TakeGreater(V value, V position, ref V best, ref V bestPosition);

    static abstract V Abs(V value);

    /// <summary>The square root of each float; NaN of a negative one.</summary>
    static abstract V SquareRoot(V value);

    /// <summary>The natural logarithm of each float, within two units in the last place.</summary>
    static abstract V Log(V value);

    /// <summary>The larger of each two floats; a NaN where one is.</summary>
    static abstract V Max(V left, V right);

    /// <summary>chosen where left &gt; right, otherwise where not.</summary>
    static abstract V WhereGreater(V left, V right, V chosen, V otherwise);

    /// <summary>chosen where left = right, otherwise where not.</summary>
    static abstract V WhereEqual(V left, V right, V chosen, V otherwise);

    /// <summary>Each lane takes the float of the lane whose number, an integer, is in its place.</summary>
    static abstract V Permute(V value, V lanes);

    /// <summary>One byte a lane, as floats.</summary>
    static abstract V LoadBytes(byte* source);

    /// <summary>One byte a lane; the floats are whole numbers from 0 to 255.</summary>
    static abstract void StoreBytes(V value, byte* destination);
}
