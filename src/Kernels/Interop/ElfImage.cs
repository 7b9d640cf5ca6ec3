using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Kernels.Interop;

/// <summary>
/// What the headers of a shared library on Linux say (System V ABI, chapters 4 and 5), read without loading it. The loader maps a
/// file as its headers say and asks for no more: of one that was cut short, it maps pages that are not there, and the process dies
/// by SIGBUS at the first touch.
/// </summary>
internal sealed class ElfImage
{
    private const int HeaderSize = 64;
    private const int ProgramEntrySize = 56;
    private const int SectionEntrySize = 64;
    private const int SymbolSize = 24;

    // More than any table of a real library; a damaged one may claim anything.
    private const ulong LargestTable = 1 << 28;

    private readonly FileStream _file;
    private readonly List<(ulong Offset, ulong Address, ulong Size)> _segments = [];
    private (ulong Offset, ulong Size) _dynamic;

    private ElfImage(FileStream file) => _file = file;

    /// <summary>The name by which other libraries ask for it; null when it has none.</summary>
    internal string? SoName { get; private set; }

    /// <summary>The names of the libraries that are loaded with it.</summary>
    internal IReadOnlyList<string> Needed { get; private set; } = [];

    /// <summary>The folders where it looks for them, $ORIGIN standing for its own.</summary>
    internal IReadOnlyList<string> RunPath { get; private set; } = [];

    /// <summary>
    /// Whether it opens other libraries by name while it runs: whether it asks the loader for dlopen. True also where the file does not
    /// say, because its table of sections was stripped.
    /// </summary>
    internal bool OpensOthers { get; private set; } = true;

    /// <summary>Reads a file's headers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">Why this process cannot load it, to be put behind its name: is empty, is cut short ...; null when nothing is wrong.</param>
    /// <returns>What it says, or null with a problem.</returns>
    internal static ElfImage? Read(string path, out string? problem)
    {
        try
        {
            if (Directory.Exists(path))
            {
                problem = "is a folder, not a library";
                return null;
            }

            if (new FileInfo(path).LinkTarget is { } target && File.ResolveLinkTarget(path, returnFinalTarget: true) is not { Exists: true })
            {
                problem = $"is a link to {target}, which does not exist";
                return null;
            }

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
            ElfImage image = new(file);
            problem = image.ReadAll();
            return problem is null ? image : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            problem = $"cannot be read, {e.Message}";
            return null;
        }
    }

    private string? ReadAll()
    {
        ulong length = (ulong)_file.Length;
        if (length == 0)
        {
            return "is empty";
        }

        byte[] header = Bytes(0, Math.Min(length, HeaderSize));
        if (!header.AsSpan(0, Math.Min(4, header.Length)).SequenceEqual("\u007fELF"u8[..Math.Min(4, header.Length)]))
        {
            bool isText = header.All(value => value is >= 32 and < 127 or 9 or 10 or 13);
            return isText ? "is a text file, not a library" : "is not a library: it has no ELF header";
        }

        if (length < HeaderSize)
        {
            return CutShort(length, HeaderSize);
        }

        // Class 2 is 64 bits, data 1 little-endian, type 3 a shared object.
        if (header[4] != 2 || header[5] != 1)
        {
            return header[4] == 1 ? "is a 32-bit library, and this process needs a 64-bit one"
                : "is damaged: its header names no known word size and byte order";
        }

        int type = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(16));
        int machine = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(18));
        if (machine != OwnMachine)
        {
            return $"is a library for {MachineName(machine)}, and this process needs one for {MachineName(OwnMachine)}";
        }

        ulong programs = Word(header, 32), sections = Word(header, 40);
        uint programSize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(54)),
            programCount = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        uint sectionSize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(58)),
            sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(60));
        if (type != 3 || programCount == 0 || programSize != ProgramEntrySize || (sectionCount > 0 && sectionSize != SectionEntrySize))
        {
            return type == 3 ? "is damaged: its header has no table of what to load" : "is not a shared library";
        }

        ulong programsEnd = End(programs, programCount * programSize);
        ulong end = sections == 0 ? programsEnd : Math.Max(programsEnd, End(sections, sectionCount * sectionSize));
        if (programsEnd > length)
        {
            return CutShort(length, end);
        }

        ReadSegments(Bytes(programs, programCount * programSize), ref end);
        if (end > length)
        {
            return CutShort(length, end);
        }

        if (_segments.Count == 0 || _dynamic.Size == 0)
        {
            return "is damaged: nothing in it is to be loaded";
        }

        byte[] names = ReadDynamic();
        OpensOthers = sections == 0 || AsksForDlopen(Bytes(sections, sectionCount * sectionSize), names);
        return null;
    }

    private void ReadSegments(byte[] table, ref ulong end)
    {
        for (int at = 0; at < table.Length; at += ProgramEntrySize)
        {
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(at));
            (ulong offset, ulong address, ulong size) = (Word(table, at + 8), Word(table, at + 16), Word(table, at + 32));
            if (type == 1)
            {
                // PT_LOAD: mapped into memory.
                _segments.Add((offset, address, size));
                end = Math.Max(end, End(offset, size));
            }
            else if (type == 2)
            {
                // PT_DYNAMIC: what the loader is to do.
                _dynamic = (offset, size);
                end = Math.Max(end, End(offset, size));
            }
        }
    }

    // The tags are those of the ABI: 1 needed, 5 and 10 the strings and their size, 14 the own name, 15 and 29 the folders.
    private byte[] ReadDynamic()
    {
        byte[] table = Bytes(_dynamic.Offset, _dynamic.Size);
        ulong namesAt = 0, namesSize = 0;
        for (int at = 0; at + 16 <= table.Length; at += 16)
        {
            ulong tag = Word(table, at);
            namesAt = tag == 5 ? Word(table, at + 8) : namesAt;
            namesSize = tag == 10 ? Word(table, at + 8) : namesSize;
        }

        byte[] names = Bytes(OffsetOf(namesAt), namesSize);
        List<string> needed = [], folders = [];
        for (int at = 0; at + 16 <= table.Length && Word(table, at) != 0; at += 16)
        {
            string text = Word(table, at) is 1 or 14 or 15 or 29 ? Text(names, Word(table, at + 8)) : "";
            switch (Word(table, at))
            {
                case 1:
                    needed.Add(text);
                    break;
                case 14:
                    SoName = text.Length > 0 ? text : null;
                    break;
                case 15 or 29:
                    string own = Path.GetDirectoryName(Path.GetFullPath(_file.Name))!;
                    folders.AddRange(text.Split(':', StringSplitOptions.RemoveEmptyEntries)
                        .Select(folder => folder.Replace("${ORIGIN}", own, StringComparison.Ordinal).Replace("$ORIGIN", own, StringComparison.Ordinal)));
                    break;
            }
        }

        (Needed, RunPath) = (needed, folders);
        return names;
    }

    // An undefined symbol (section 0) of the table of dynamic symbols (type 11) is asked for, the others are offered.
    private bool AsksForDlopen(byte[] sections, byte[] names)
    {
        bool isTold = false;
        for (int at = 0; at + SectionEntrySize <= sections.Length; at += SectionEntrySize)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(sections.AsSpan(at + 4)) != 11)
            {
                continue;
            }

            isTold = true;
            byte[] symbols = Bytes(Word(sections, at + 24), Word(sections, at + 32));
            for (int symbol = 0; symbol + SymbolSize <= symbols.Length; symbol += SymbolSize)
            {
                bool isDefined = BinaryPrimitives.ReadUInt16LittleEndian(symbols.AsSpan(symbol + 6)) != 0;
                if (!isDefined && Text(names, BinaryPrimitives.ReadUInt32LittleEndian(symbols.AsSpan(symbol))) is "dlopen" or "dlmopen")
                {
                    return true;
                }
            }
        }

        return !isTold;
    }

    private ulong OffsetOf(ulong address)
    {
        foreach ((ulong offset, ulong start, ulong size) in _segments)
        {
            if (address >= start && address - start < size)
            {
                return offset + (address - start);
            }
        }

        return 0;
    }

    private byte[] Bytes(ulong offset, ulong size)
    {
        if (size > LargestTable || offset > (ulong)_file.Length)
        {
            throw new IOException("its headers contradict each other");
        }

        byte[] bytes = new byte[size];
        int read = RandomAccess.Read(_file.SafeFileHandle, bytes, (long)offset);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    private static int OwnMachine => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 183 : 62;

    private static string MachineName(int machine) => machine switch
    {
        3 => "32-bit x86",
        21 => "POWER",
        62 => "x86-64",
        183 => "ARM64",
        243 => "RISC-V",
        _ => $"machine {machine}",
    };

    private static string CutShort(ulong length, ulong needed) =>
        needed > long.MaxValue ? "is damaged: its header points nowhere" : FormattableString.Invariant(
            $"is cut short: {length:N0} bytes of at least {needed:N0}");

    private static ulong End(ulong offset, ulong size) => offset + size < offset ? ulong.MaxValue : offset + size;

    private static ulong Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    private static string Text(byte[] names, ulong at)
    {
        if (at >= (ulong)names.Length)
        {
            return "";
        }

        ReadOnlySpan<byte> rest = names.AsSpan((int)at);
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
