using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Engine;

/// <summary>The machine's processor.</summary>
internal static class Processor
{
    /// <summary>What its maker calls it, or its architecture where it does not tell.</summary>
    public static string Name { get; } = ReadName();

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
