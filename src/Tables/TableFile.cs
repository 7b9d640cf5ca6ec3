using System.Text;
using System.Text.Unicode;
using Engine.Data;
using Engine.Formats;

namespace Engine.Tables;

/// <summary>Opens a table's file and makes text of its bytes.</summary>
internal static class TableFile
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="EngineException">It cannot be read, is not text, or is no table.</exception>
    public static Table Read(string path, Encoding? encoding)
    {
        string name = ShownName.Of(Path.GetFileName(path));
        try
        {
            using FileStream file = Open(path, name);

            // An error at the first byte that is no text, instead of replacement characters in the middle of the data.
            using StreamReader reader = new(file, encoding ?? new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true);
            return Table.Read(reader, name);
        }
        catch (DecoderFallbackException e)
        {
            throw new EngineException(
                $"'{name}', line {LineOfInvalidText(path):D} is not valid UTF-8, perhaps because the file is in Latin-1 (Windows-1252): save it as UTF-8, for "
                    + $"example with 'iconv -f WINDOWS-1252 -t UTF-8'", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new EngineException($"cannot read the table '{ShownName.Whole(path)}': {FileProblem.Of(path, e)}", e);
        }
    }

    private static FileStream Open(string path, string name)
    {
        FileStream file = DataFile.OpenFile(path);
        try
        {
            TableMemory.Check(name, "its text", file.Length * sizeof(char), TableMemory.Limit);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static int LineOfInvalidText(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        List<byte> line = [];
        for (int number = 1; ; number++)
        {
            line.Clear();
            int next;
            while ((next = file.ReadByte()) is >= 0 and not '\n')
            {
                line.Add((byte)next);
            }

            if (next < 0 || !Utf8.IsValid(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(line)))
            {
                return number;
            }
        }
    }
}
