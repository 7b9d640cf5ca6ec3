using System.Runtime.InteropServices;

namespace Engine.Tests.Tensors;

public sealed class HostConversionTests
{
    // A bfloat16 is the upper half of a float; what is cut off decides the rounding, and exactly one half goes to the even side.
    [Theory]
    [InlineData(0x3F800000u, 0x3F80)] // 1
    [InlineData(0x3F807FFFu, 0x3F80)] // just below the tie
    [InlineData(0x3F808000u, 0x3F80)] // a tie, even below
    [InlineData(0x3F808001u, 0x3F81)] // just above the tie
    [InlineData(0x3F818000u, 0x3F82)] // a tie, even above
    [InlineData(0xBF818000u, 0xBF82)] // the same with a sign
    [InlineData(0x7F7FFFFFu, 0x7F80)] // the largest float rounds to infinity
    [InlineData(0x7F800000u, 0x7F80)] // infinity
    [InlineData(0xFF800000u, 0xFF80)] // minus infinity
    [InlineData(0x80000000u, 0x8000)] // minus zero
    [InlineData(0x00000001u, 0x0000)] // the least float
    public void Bfloat16_rounds_to_nearest_ties_to_even(uint single, int expected) =>
        Assert.Equal((ushort)expected, HostConversion.ToBFloat16(BitConverter.UInt32BitsToSingle(single)));

    [Theory]
    [InlineData(0x7FC00000u)]
    [InlineData(0x7F800001u)] // its payload lies wholly in the half that is cut off
    [InlineData(0xFFFFFFFFu)]
    public void A_NaN_stays_one(uint single) =>
        Assert.True(float.IsNaN(HostConversion.FromBFloat16(HostConversion.ToBFloat16(BitConverter.UInt32BitsToSingle(single)))));

    [Fact]
    public void Every_bfloat16_survives_the_way_through_float()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float value = HostConversion.FromBFloat16((ushort)bits);
            Assert.True(float.IsNaN(value) || HostConversion.ToBFloat16(value) == bits, $"bits {bits:X4}");
        }
    }

    [Fact]
    public void Integers_saturate()
    {
        double[] source = [-1, 255.9, 256, 1e30, double.NaN];
        byte[] bytes = new byte[5];
        HostConversion.Convert(MemoryMarshal.AsBytes<double>(source), DataType.Float64, bytes, DataType.UInt8, 5);
        Assert.Equal([0, 255, 255, 255, 0], bytes);

        int[] integers = new int[5];
        HostConversion.Convert(MemoryMarshal.AsBytes<double>(source), DataType.Float64, MemoryMarshal.AsBytes(integers.AsSpan()), DataType.Int32, 5);
        Assert.Equal([-1, 255, 256, int.MaxValue, 0], integers);
    }

    [Fact]
    public void Every_pair_of_types_converts()
    {
        DataType[] types = Enum.GetValues<DataType>();
        double[] numbers = [0, 1, 2, 127, 128, 200];
        foreach (DataType from in types)
        {
            byte[] source = new byte[numbers.Length * from.Size()];
            HostConversion.Convert(MemoryMarshal.AsBytes<double>(numbers), DataType.Float64, source, from, numbers.Length);
            foreach (DataType to in types)
            {
                byte[] destination = new byte[numbers.Length * to.Size()];
                double[] back = new double[numbers.Length];
                HostConversion.Convert(source, from, destination, to, numbers.Length);
                HostConversion.Convert(destination, to, MemoryMarshal.AsBytes(back.AsSpan()), DataType.Float64, numbers.Length);
                Assert.Equal(numbers, back);
            }
        }
    }
}
