using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Engine;

/// <summary>The machine's processor.</summary>
internal static class Processor
{
    /// <summary>What its maker calls it, or its architecture where it does not tell.</summary>
    public static string Name { get; } = ReadName();

    /// <summary>The widest level that the processor and the system have, whatever the runtime or the build makes of it; as far as x64 tells.</summary>
    public static SimdLevel WidestVectors { get; } = ReadVectors();

    // Intel SDM, volume 2, CPUID: leaf 1 ECX has FMA (12), OSXSAVE (27) and AVX (28); leaf 7 EBX has AVX2 (5) and AVX-512's F, DQ, CD, BW and VL.
    private static SimdLevel ReadVectors()
    {
        const int fmaSaveAvx = (1 << 12) | (1 << 27) | (1 << 28), avx2 = 1 << 5, avx512 = unchecked((int)0xD0030000);
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7 || (X86Base.CpuId(1, 0).Ecx & fmaSaveAvx) != fmaSaveAvx)
        {
            return SimdLevel.Scalar;
        }

        int leaf7 = X86Base.CpuId(7, 0).Ebx;
        return (leaf7 & avx2) == 0 ? SimdLevel.Scalar : (leaf7 & avx512) == avx512 ? SimdLevel.Vector512 : SimdLevel.Vector256;
    }

    // The brand string is 48 characters in the registers of the extended CPUID leaves 2, 3 and 4 (Intel SDM, volume 2, CPUID).
    private static string ReadName()
    {
        const uint firstLeaf = 0x80000002;
        if (X86Base.IsSupported && (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= firstLeaf + 2)
        {
            Span<int> registers = stackalloc int[12];
            for (int i = 0; i < 3; i++)
            {
                (registers[i * 4], registers[(i * 4) + 1], registers[(i * 4) + 2], registers[(i * 4) + 3]) =
                    X86Base.CpuId(unchecked((int)(firstLeaf + (uint)i)), 0);
            }

            string name = Encoding.ASCII.GetString(MemoryMarshal.AsBytes(registers)).Replace("\0", "").Trim();
            if (name.Length > 0)
            {
                return name;
            }
        }

        return $"{RuntimeInformation.ProcessArchitecture} processor";
    }
}
