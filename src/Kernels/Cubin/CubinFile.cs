using System.Buffers.Binary;

namespace Engine.Kernels.Cubin;

/// <summary>
/// A cubin as NVRTC, ptxas and nvcc make it: what its kernels take of a GPU, read without one. It is an ELF file whose sections
/// <c>.nv.info</c> list attributes: a byte for the format, a byte for the attribute, and two bytes of value, or of length with the
/// value behind. Checked against cuobjdump and ptxas -v on cubins of CUDA 11.8 and 12.4 for sm_80 and sm_90.
/// </summary>
public sealed class CubinFile
{
    // The attributes' numbers, as cuobjdump -elf names them (EIATTR_...).
    private const byte MaxThreads = 0x05;
    private const byte FrameSize = 0x11;
    private const byte ParameterBankSize = 0x19;
    private const byte RegisterCount = 0x2f;
    private const byte HalfWordValue = 0x03;

    // From compute capability 9.0 on the section of a kernel's shared memory counts what the system reserves too.
    private const int ReservedSharedBytes = 1024;

    private CubinFile(Version computeCapability, bool isArchitectureSpecific, IReadOnlyList<KernelResources> kernels)
    {
        ComputeCapability = computeCapability;
        IsArchitectureSpecific = isArchitectureSpecific;
        Kernels = kernels;
    }

    /// <summary>The architecture that it was compiled for.</summary>
    public Version ComputeCapability { get; }

    /// <summary>Whether it uses what only this architecture has: sm_90a, which runs on no other, not even a newer one.</summary>
    public bool IsArchitectureSpecific { get; }

    /// <summary>Its kernels by name, in ordinal order.</summary>
    public IReadOnlyList<KernelResources> Kernels { get; }

    /// <summary>Reads a cubin.</summary>
    /// <param name="image">The whole file.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="EngineException">It is no cubin, is cut short, or lacks what a cubin has.</exception>
    public static CubinFile Read(ReadOnlySpan<byte> image, string name)
    {
        ElfSections elf = ElfSections.Read(image, name);
        (Version capability, bool isSpecific) = Architecture(elf, name);
        Dictionary<int, int> registers = [];
        Dictionary<int, int> frames = [];
        foreach (ElfSection section in elf.Sections.Where(section => section.Name == ".nv.info"))
        {
            foreach (NvInfoAttribute attribute in NvInfoAttribute.ReadAll(section.Content, name))
            {
                Dictionary<int, int>? found = attribute.Number switch { RegisterCount => registers, FrameSize => frames, _ => null };
                if (found is not null && attribute.Words.Count == 2)
                {
                    found[attribute.Words[0]] = attribute.Words[1];
                }
            }
        }

        List<KernelResources> kernels = [];
        foreach (ElfSymbol symbol in elf.Symbols.Where(symbol => symbol.IsKernel))
        {
            if (!registers.TryGetValue(symbol.Index, out int count))
            {
                throw new EngineException(
                    $"{name} does not say how many registers {symbol.Name} takes: its .nv.info has no attribute 0x2f for symbol {symbol.Index}");
            }

            (int threads, int parameters) = LaunchOf(elf, symbol.Name, name);
            int shared = elf.SizeOf($".nv.shared.{symbol.Name}");
            kernels.Add(new KernelResources(
                symbol.Name, count, frames.GetValueOrDefault(symbol.Index), capability.Major >= 9 ? Math.Max(shared - ReservedSharedBytes, 0) : shared,
                elf.SizeOf($".nv.constant0.{symbol.Name}"), parameters, threads));
        }

        kernels.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return new CubinFile(capability, isSpecific, kernels);
    }

    // Up to CUDA 12 the flags' lowest byte is the architecture and 0x800 marks an "a"; CUDA 13's ABI has it in the second byte, with 8 for the mark.
    private static (Version Capability, bool IsSpecific) Architecture(ElfSections elf, string name)
    {
        const byte CudaAbi = 0x33;
        const byte SecondCudaAbi = 0x41;
        (uint number, bool isSpecific) = elf.OperatingSystemAbi switch
        {
            CudaAbi => (elf.Flags & 0xff, (elf.Flags & 0x800) != 0),
            SecondCudaAbi => ((elf.Flags >> 8) & 0xff, (elf.Flags & 8) != 0),
            _ => throw new EngineException(
                $"{name} is no cubin of a known kind: its ABI is {elf.OperatingSystemAbi}, and known are {CudaAbi} (to CUDA 12) and {SecondCudaAbi} (CUDA 13)"),
        };
        return (new Version((int)number / 10, (int)number % 10), isSpecific);
    }

    private static (int Threads, int Parameters) LaunchOf(ElfSections elf, string kernel, string name)
    {
        int threads = 0;
        int parameters = 0;
        foreach (ElfSection section in elf.Sections.Where(section => section.Name == $".nv.info.{kernel}"))
        {
            foreach (NvInfoAttribute attribute in NvInfoAttribute.ReadAll(section.Content, name))
            {
                if (attribute.Number == MaxThreads && attribute.Words.Count == 3)
                {
                    threads = attribute.Words[0] * attribute.Words[1] * attribute.Words[2];
                }
                else if (attribute is { Number: ParameterBankSize, Format: HalfWordValue })
                {
                    parameters = attribute.Value;
                }
            }
        }

        return (threads, parameters);
    }
}

/// <summary>One attribute of an .nv.info section.</summary>
/// <param name="Format">Where the value is: 4 behind the length, else in the two bytes themselves.</param>
/// <param name="Number">Which attribute.</param>
/// <param name="Value">The two bytes: the value or the length.</param>
/// <param name="Words">The value behind, as 32-bit words.</param>
internal sealed record NvInfoAttribute(byte Format, byte Number, int Value, IReadOnlyList<int> Words)
{
    private const byte SizedValue = 0x04;

    internal static List<NvInfoAttribute> ReadAll(ReadOnlyMemory<byte> content, string name)
    {
        List<NvInfoAttribute> attributes = [];
        ReadOnlySpan<byte> bytes = content.Span;
        while (bytes.Length >= 4)
        {
            byte format = bytes[0];
            byte number = bytes[1];
            int value = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
            bytes = bytes[4..];
            int[] words = [];
            if (format == SizedValue)
            {
                if (value > bytes.Length)
                {
                    throw new EngineException($"{name} is damaged: attribute 0x{number:x2} of an .nv.info section is longer than the section");
                }

                words = new int[value / 4];
                for (int i = 0; i < words.Length; i++)
                {
                    words[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 * i)..]);
                }

                bytes = bytes[value..];
            }

            attributes.Add(new NvInfoAttribute(format, number, value, words));
        }

        return bytes.IsEmpty
            ? attributes
            : throw new EngineException($"{name} is damaged: an .nv.info section ends within an attribute");
    }
}
