using System.IO.Compression;
using Engine.Formats;

namespace Engine.Data;

/// <summary>A data set's file, opened for reading from front to back; every failure becomes one line that names the file.</summary>
internal sealed class DataFile : IDisposable
{
    // Deflate cannot pack more than this many bytes into one: what a gzipped file of a given length can hold at most.
    private const long GreatestExpansion = 1032;
    private readonly Stream _stream;
    private long _read;

    private DataFile(string path, Stream stream, long greatestLength)
    {
        Path = path;
        _stream = stream;
        GreatestLength = greatestLength;
    }

    /// <summary>How errors name the file.</summary>
    public string Path { get; }

    /// <summary>The bytes that the content cannot exceed, for a check before memory is taken.</summary>
    public long GreatestLength { get; }

    /// <summary>Opens a file on disk; a gzipped one, told by its first two bytes, is unpacked on the way.</summary>
    /// <exception cref="EngineException">The file cannot be opened, or it is empty.</exception>
    public static DataFile Open(string path)
    {
        try
        {
            FileStream file = OpenFile(path);
            if (file.Length == 0)
            {
                file.Dispose();
                throw new EngineException($"{path} is empty; delete it and get it again");
            }

            bool isGzip = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            return isGzip
                ? new DataFile(path, new GZipStream(file, CompressionMode.Decompress), file.Length * GreatestExpansion)
                : new DataFile(path, file, file.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot read {path}: {FileProblem.Of(path, e)}", e);
        }
    }

    /// <summary>Opens a regular file for reading from front to back: a pipe would be waited for, and a device has no end.</summary>
    /// <exception cref="EngineException">Something else stands at the path.</exception>
    public static FileStream OpenFile(string path)
    {
        string? problem = FileIdentity.Of(path, followLinks: true).Kind switch
        {
            FileKind.Pipe => "it is a pipe",
            FileKind.Device => "it is a device",
            FileKind.Socket => "it is a socket",
            FileKind.Folder => "it is a folder",
            _ => null,
        };
        return problem is null
            ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan)
            : throw new EngineException($"cannot read {path}: {problem}, but must be a file");
    }

    /// <summary>Reads from a stream that belongs to somebody else, such as an archive's entry.</summary>
    public static DataFile From(string path, Stream stream, long length) => new(path, stream, length);

    /// <summary>Fills a span with the next bytes.</summary>
    /// <param name="destination">What to fill.</param>
    /// <param name="expected">What the file should hold, for the error: "47,040,016 bytes".</param>
    /// <exception cref="EngineException">The file ends before, or is damaged.</exception>
    public void Fill(Span<byte> destination, string expected)
    {
        int count = ReadSome(destination);
        if (count < destination.Length)
        {
            throw new EngineException($"{Path} is truncated: it ends after {_read:N0} bytes; expected {expected}");
        }
    }

    /// <summary>Reads all of a file whose length is not known, but bounded.</summary>
    /// <param name="most">The most bytes that it may have.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="EngineException">It is longer, or damaged.</exception>
    public byte[] ReadToEnd(long most, CancellationToken cancellation)
    {
        if (_stream is FileStream && GreatestLength > most)
        {
            throw TooLong(most);
        }

        using MemoryStream content = new();
        byte[] part = new byte[1 << 20];
        for (int count = ReadSome(part); count > 0; count = ReadSome(part))
        {
            cancellation.ThrowIfCancellationRequested();
            content.Write(part, 0, count);
            if (content.Length > most)
            {
                throw TooLong(most);
            }
        }

        return content.ToArray();
    }

    private EngineException TooLong(long most) => new($"{Path} is longer than it should be: expected at most {most:N0} bytes");

    /// <summary>Makes sure that nothing follows.</summary>
    /// <param name="expected">What the file should hold, for the error.</param>
    /// <exception cref="EngineException">Something does.</exception>
    public void CheckEnd(string expected)
    {
        Span<byte> one = stackalloc byte[1];
        if (ReadSome(one) > 0)
        {
            throw new EngineException($"{Path} is longer than it should be: bytes follow the expected {expected}");
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose();

    private int ReadSome(Span<byte> destination)
    {
        try
        {
            int count = _stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
            _read += count;
            return count;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new EngineException($"{Path} is damaged or truncated: it cannot be unpacked ({FileProblem.Of(e)}); delete it and get it again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot read {Path}: {FileProblem.Of(Path, e)}", e);
        }
    }
}
