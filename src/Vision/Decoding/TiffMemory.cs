using BitMiracle.LibTiff.Classic;

namespace Engine.Vision;

/// <summary>A whole file in memory, as LibTiff reads it.</summary>
/// <param name="file">The file.</param>
internal sealed class TiffMemory(byte[] file) : TiffStream
{
    private long _at;

    /// <inheritdoc/>
    public override int Read(object clientData, byte[] buffer, int offset, int count)
    {
        int given = (int)Math.Clamp(file.Length - _at, 0, count);
        if (given > 0)
        {
            file.AsSpan((int)_at, given).CopyTo(buffer.AsSpan(offset));
            _at += given;
        }

        return given;
    }

    /// <inheritdoc/>
    public override long Seek(object clientData, long offset, SeekOrigin origin)
    {
        long place = offset + (origin == SeekOrigin.Current ? _at : origin == SeekOrigin.End ? file.Length : 0);
        return place < 0 ? -1 : _at = place;
    }

    /// <inheritdoc/>
    public override long Size(object clientData) => file.Length;

    /// <inheritdoc/>
    public override void Close(object clientData) { }

    /// <inheritdoc/>
    public override void Write(object clientData, byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
