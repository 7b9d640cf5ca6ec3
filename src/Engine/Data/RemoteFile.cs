namespace Engine.Data;

/// <summary>A file at its official address, and what identifies its content.</summary>
/// <param name="BaseAddress">The address that the file name follows, with its last slash.</param>
/// <param name="FileName">The name, on the server and on disk.</param>
/// <param name="Sha256">The SHA-256 of the content, 64 lower-case hexadecimal digits.</param>
/// <param name="Length">The length of the content in bytes, of which no server is let send more; null where it is not known.</param>
public sealed record RemoteFile(string BaseAddress, string FileName, string Sha256, long? Length = null)
{
    /// <summary>The whole address.</summary>
    public Uri Address => new(BaseAddress + FileName);
}
