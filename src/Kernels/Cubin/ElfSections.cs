using System.Buffers.Binary;
using System.Text;

namespace Engine.Kernels.Cubin;

/// <summary>A section of an ELF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type; 8 is one without content in the file.</param>
/// <param name="Size">Its size in bytes, in memory.</param>
/// <param name="Link">The section that goes with it: a symbol table's names.</param>
/// <param name="Content">Its bytes in the file.</param>
internal sealed record ElfSection(string Name, uint Type, long Size, int Link, ReadOnlyMemory<byte> Content);

/// <summary>A symbol of an ELF file.</summary>
/// <param name="Index">Its number in the table.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsKernel">Whether it is a function that can be launched.</param>
internal sealed record ElfSymbol(int Index, string Name, bool IsKernel);

/// <summary>Sections and symbols of a little-endian 64-bit ELF file, see the System V ABI, chapter 4; every offset is checked.</summary>
internal sealed class ElfSections
{
    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;
    private const uint SymbolTable = 2;
    private const uint NoContent = 8;
    private const ushort CudaMachine = 190;

    private ElfSections(uint flags, byte abi, IReadOnlyList<ElfSection> sections, IReadOnlyList<ElfSymbol> symbols)
    {
        Flags = flags;
        OperatingSystemAbi = abi;
        Sections = sections;
        Symbols = symbols;
    }

    /// <summary>The header's flags.</summary>
    internal uint Flags { get; }

    /// <summary>The header's byte for the ABI.</summary>
    internal byte OperatingSystemAbi { get; }

    /// <summary>All sections in order.</summary>
    internal IReadOnlyList<ElfSection> Sections { get; }

    /// <summary>All symbols in order.</summary>
    internal IReadOnlyList<ElfSymbol> Symbols { get; }

    /// <summary>The size of a section, 0 where there is none of that name.</summary>
    internal int SizeOf(string section) => (int)(Sections.FirstOrDefault(candidate => candidate.Name == section)?.Size ?? 0);

    internal static ElfSections Read(ReadOnlySpan<byte> image, string name)
    {
        byte[] bytes = image.ToArray();
        if (bytes.Length < HeaderSize || !image.StartsWith("\u007fELF"u8) || bytes[4] != 2 || bytes[5] != 1
            || BinaryPrimitives.ReadUInt16LittleEndian(image[18..]) != CudaMachine)
        {
            throw new EngineException($"{name} is no cubin: it does not begin as a 64-bit ELF file for NVIDIA CUDA");
        }

        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(image[0x28..]);
        int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3a..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3c..]);
        int names = BinaryPrimitives.ReadUInt16LittleEndian(image[0x3e..]);
        if (entrySize != SectionHeaderSize || names >= count)
        {
            throw new EngineException($"{name} is damaged: its header describes no table of sections");
        }

        ReadOnlySpan<byte> headers = Slice(bytes, table, (ulong)count * SectionHeaderSize, name, "the table of sections").Span;
        ReadOnlyMemory<byte> sectionNames = ContentOf(bytes, headers[(names * SectionHeaderSize)..], name);
        List<ElfSection> sections = [];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = headers[(i * SectionHeaderSize)..];
            sections.Add(new ElfSection(
                TextAt(sectionNames.Span, BinaryPrimitives.ReadUInt32LittleEndian(header), name), BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                BinaryPrimitives.ReadInt64LittleEndian(header[0x20..]), BinaryPrimitives.ReadInt32LittleEndian(header[0x28..]),
                ContentOf(bytes, header, name)));
        }

        return new ElfSections(BinaryPrimitives.ReadUInt32LittleEndian(image[0x30..]), bytes[7], sections, SymbolsOf(sections, name));
    }

    private static List<ElfSymbol> SymbolsOf(List<ElfSection> sections, string name)
    {
        const byte Function = 2;
        const byte Entry = 0x10;
        ElfSection table = sections.FirstOrDefault(section => section.Type == SymbolTable)
            ?? throw new EngineException($"{name} has no table of symbols");
        if (table.Link < 0 || table.Link >= sections.Count)
        {
            throw new EngineException($"{name} is damaged: the names of its symbols are in section {table.Link} of {sections.Count}");
        }

        ReadOnlySpan<byte> names = sections[table.Link].Content.Span;
        List<ElfSymbol> symbols = [];
        for (int i = 0; (i + 1) * SymbolSize <= table.Content.Length; i++)
        {
            // st_name 4 bytes, st_info 1, st_other 1: a kernel is a function with STO_CUDA_ENTRY.
            ReadOnlySpan<byte> symbol = table.Content.Span[(i * SymbolSize)..];
            bool isKernel = (symbol[4] & 15) == Function && (symbol[5] & Entry) != 0;
            symbols.Add(new ElfSymbol(i, TextAt(names, BinaryPrimitives.ReadUInt32LittleEndian(symbol), name), isKernel));
        }

        return symbols;
    }

    private static ReadOnlyMemory<byte> ContentOf(byte[] bytes, ReadOnlySpan<byte> header, string name) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) is 0 or NoContent
            ? ReadOnlyMemory<byte>.Empty
            : Slice(
                bytes, BinaryPrimitives.ReadUInt64LittleEndian(header[0x18..]), BinaryPrimitives.ReadUInt64LittleEndian(header[0x20..]), name, "a section");

    private static ReadOnlyMemory<byte> Slice(byte[] bytes, ulong offset, ulong length, string name, string what) =>
        offset <= (ulong)bytes.Length && length <= (ulong)bytes.Length - offset
            ? bytes.AsMemory((int)offset, (int)length)
            : throw new EngineException($"{name} is cut short: {what} ends at byte {offset + length:N0} of {bytes.Length:N0}");

    private static string TextAt(ReadOnlySpan<byte> names, uint offset, string name)
    {
        if (offset >= names.Length)
        {
            throw new EngineException($"{name} is damaged: a name begins behind the end of the names");
        }

        ReadOnlySpan<byte> text = names[(int)offset..];
        int end = text.IndexOf((byte)0);
        return end < 0 ? throw new EngineException($"{name} is damaged: a name does not end") : Encoding.UTF8.GetString(text[..end]);
    }
}
