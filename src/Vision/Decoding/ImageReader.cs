using Engine.Formats;
using Microsoft.Win32.SafeHandles;

namespace Engine.Vision;

/// <summary>
/// Reads image files (JPEG, PNG, WebP, BMP, GIF, TIFF, PNM) as upright red, green and blue pixels. Memory is kept from one image to the next; for one
/// thread at a time.
/// </summary>
public sealed class ImageReader : IDisposable
{
    /// <summary>
    /// The most pixels that a file may have, about 89 million (256 MiB decoded): a file of a few kilobytes can claim billions. It is
    /// Pillow's limit too.
    /// </summary>
    public const long MaximumPixels = 1024L * 1024 * 1024 / 4 / 3;

    // What compresses so badly is no image within the limit of pixels.
    private const long MaximumFileBytes = 1L << 30;
    private readonly ImageDecoder?[] _decoders = new ImageDecoder?[ImageFormat.All.Count];
    private RgbImage _image = new();
    private RgbImage _stored = new();
    private byte[] _file = [];
    private bool _isDisposed;

    /// <summary>What is wrong with the file that was read last though its image is whole, in a line that names it; null for nothing.</summary>
    public string? Warning { get; private set; }

    /// <summary>Reads a file: its kind is told by its content, not by its name.</summary>
    /// <returns>The upright image; it belongs to this reader, and lasts until the next one is read.</returns>
    /// <exception cref="EngineException">The file cannot be read, or is no whole image of a kind that is read; the message names it.</exception>
    /// <exception cref="ObjectDisposedException">The reader has been disposed.</exception>
    public RgbImage Read(string path)
    {
        ThrowIfDisposed();
        int length;
        try
        {
            // A pipe would be waited for, and a device might do something: neither is opened.
            if (FileFacts.Of(path).Problem is { } problem)
            {
                throw new InvalidDataException(problem);
            }

            using SafeFileHandle file = RawNames.AreIn(path) ? RawNames.Open(path) : File.OpenHandle(path);
            long size = RandomAccess.GetLength(file);
            length = size <= MaximumFileBytes ? (int)size : throw new InvalidDataException("it is larger than a gigabyte");
            ImageMemory.Ensure(ref _file, length);
            for (int done = 0; done < length;)
            {
                int count = RandomAccess.Read(file, _file.AsSpan(done, length - done), done);
                done += count > 0 ? count : throw new InvalidDataException("it has become shorter while it was read");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException)
        {
            throw new EngineException(
                $"the image '{Shown(path)}' cannot be read: {(e is DirectoryNotFoundException ? "there is no such file" : FileProblem.Of(path, e))}", e);
        }

        return Decode(_file.AsSpan(0, length), path);
    }

    /// <summary>Decodes a file that lies in memory.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What errors call it.</param>
    /// <returns>The upright image; it belongs to this reader, and lasts until the next one is read.</returns>
    /// <exception cref="EngineException">It is no whole image of a kind that is read.</exception>
    /// <exception cref="ObjectDisposedException">The reader has been disposed.</exception>
    public RgbImage Decode(ReadOnlySpan<byte> file, string name)
    {
        ThrowIfDisposed();
        Orientation orientation;
        Warning = null;
        try
        {
            orientation = DecodeStored(file, name);
        }
        catch (InvalidDataException e)
        {
            throw new EngineException($"the image '{Shown(name)}' cannot be read: {e.Message.TrimEnd('.')}", e);
        }
        catch (OutOfMemoryException e)
        {
            throw new EngineException($"the image '{Shown(name)}' cannot be read: there is not enough memory left to decode it", e);
        }

        if (orientation != Orientation.Upright)
        {
            orientation.Apply(_image, _stored);
            (_image, _stored) = (_stored, _image);
        }

        return _image;
    }

    /// <summary>Frees the native decoders.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (ImageDecoder? decoder in _decoders)
        {
            decoder?.Dispose();
        }
    }

    /// <summary>Refuses images without pixels and with too many.</summary>
    internal static void CheckSize(long width, long height)
    {
        if (width < 1 || height < 1 || width > MaximumPixels || height > MaximumPixels || width * height > MaximumPixels)
        {
            throw new InvalidDataException($"its size is {width}x{height}; expected at least one pixel, and at most {MaximumPixels:N0}");
        }
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this reader of images was disposed: make a new one, or dispose it after its last file");
        }
    }

    private static string Shown(string path) => ShownName.Of(RawNames.Shown(path));

    private Orientation DecodeStored(ReadOnlySpan<byte> file, string name)
    {
        for (int i = 0; i < _decoders.Length; i++)
        {
            if (ImageFormat.All[i].Matches(file))
            {
                ImageDecoder decoder = _decoders[i] ??= ImageFormat.All[i].NewDecoder();
                Orientation orientation = decoder.Decode(file, _image);
                Warning = decoder.Warning is { } warning ? $"the image '{Shown(name)}' is read, but {warning}" : null;
                return orientation;
            }
        }

        throw new InvalidDataException(file.IsEmpty ? "it is empty" : $"it is no {ImageFormat.Names} file");
    }
}
