using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>
/// A file's bytes for reading at any place: small pieces are read, large ones are mapped into memory only as long as they are looked at,
/// so that a file of any size costs no more memory than its largest piece.
/// </summary>
internal sealed class FileBytes : IDisposable
{
    // Below this, a read is quicker than setting up a mapping.
    private const int SmallestMapping = 1 << 18;
    private readonly SafeFileHandle? _handle;
    private readonly byte[] _content = [];
    private MemoryMappedFile? _mapping;

    /// <summary>Bytes that are in memory already, such as an unpacked part of a file.</summary>
    /// <param name="path">The file that they are of.</param>
    /// <param name="content">The bytes.</param>
    public FileBytes(string path, byte[] content)
    {
        Path = path;
        _content = content;
        Length = content.Length;
    }

    private FileBytes(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        Length = RandomAccess.GetLength(handle);
    }

    /// <summary>The file's path, as it was given.</summary>
    public string Path { get; }

    /// <summary>The file's length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="EngineException">It does not exist, is no regular file, or may not be read.</exception>
    public static FileBytes Open(string path)
    {
        // A pipe would be waited for, and a device may have no end.
        if (FileIdentity.Of(path, followLinks: true).Kind is FileKind.Device or FileKind.Pipe or FileKind.Socket)
        {
            throw new EngineException($"cannot read '{path}': it is a pipe or a device, but must be a file");
        }

        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
            return new FileBytes(path, handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            string reason = e switch
            {
                DirectoryNotFoundException => "there is no such file",
                NotSupportedException => "it is a pipe or a device, but must be a file",
                _ => FileProblem.Of(path, e),
            };
            throw new EngineException($"cannot read '{path}': {reason}", e);
        }
    }

    /// <summary>Reads bytes into an array.</summary>
    /// <param name="start">The first byte's place.</param>
    /// <param name="count">How many; the caller has checked that the file has them.</param>
    /// <exception cref="EngineException">The file cannot be read, or has become shorter.</exception>
    public byte[] Read(long start, int count)
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(count);
        Read(start, bytes);
        return bytes;
    }

    /// <summary>Fills a span with the bytes from a place on.</summary>
    /// <exception cref="EngineException">The file cannot be read, or has become shorter.</exception>
    public void Read(long start, Span<byte> bytes)
    {
        if (_handle is null)
        {
            _content.AsSpan(checked((int)start), bytes.Length).CopyTo(bytes);
            return;
        }

        try
        {
            for (int done = 0; done < bytes.Length;)
            {
                int read = RandomAccess.Read(_handle, bytes[done..], start + done);
                done += read > 0 ? read : throw new EngineException($"cannot read '{Path}': it has become shorter while it was read");
            }
        }
        catch (IOException e)
        {
            throw CannotRead(e);
        }
    }

    /// <summary>Opens a window on some of the bytes, which must be closed before this is.</summary>
    /// <param name="start">The first byte's place.</param>
    /// <param name="count">How many; the caller has checked that the file has them.</param>
    /// <exception cref="EngineException">The file cannot be read or mapped.</exception>
    public ByteWindow Map(long start, int count)
    {
        if (_handle is null)
        {
            return new ByteWindow(_content.AsMemory(checked((int)start), count));
        }

        if (count < SmallestMapping)
        {
            return new ByteWindow(Read(start, count));
        }

        try
        {
            _mapping ??= MemoryMappedFile.CreateFromFile(_handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new ByteWindow(_mapping.CreateViewAccessor(start, count, MemoryMappedFileAccess.Read), count);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotRead(e);
        }
    }

    /// <summary>Some of the bytes as a stream, which reads them in small pieces.</summary>
    /// <param name="start">The first byte's place.</param>
    /// <param name="count">How many; the caller has checked that the file has them.</param>
    public Stream Stream(long start, long count) => new PartStream(this, start, count);

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _mapping?.Dispose();
        _handle?.Dispose();
    }

    private EngineException CannotRead(Exception e) => new($"cannot read '{Path}': {e.Message.ReplaceLineEndings(" ")}", e);

    private sealed class PartStream(FileBytes bytes, long start, long count) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => count;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            int read = (int)Math.Min(buffer.Length, count - _position);
            bytes.Read(start + _position, buffer[..read]);
            _position += read;
            return read;
        }

        public override int Read(byte[] buffer, int offset, int length) => Read(buffer.AsSpan(offset, length));

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int length) => throw new NotSupportedException();
    }
}

/// <summary>Some bytes of a file, mapped or read; closing it gives the memory back.</summary>
internal sealed unsafe class ByteWindow : IDisposable
{
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _pointer;
    private readonly int _count;
    private readonly ReadOnlyMemory<byte> _bytes;

    /// <summary>A window on bytes that are in memory already.</summary>
    public ByteWindow(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    /// <summary>A window on a mapping, which it closes with itself.</summary>
    public ByteWindow(MemoryMappedViewAccessor view, int count)
    {
        _view = view;
        _count = count;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        _pointer += view.PointerOffset;
    }

    /// <summary>The bytes, until the window is closed.</summary>
    public ReadOnlySpan<byte> Span => _view is null ? _bytes.Span : new ReadOnlySpan<byte>(_pointer, _count);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_view is not null)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
        }
    }
}
