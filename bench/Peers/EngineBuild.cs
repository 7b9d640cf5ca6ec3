using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using Engine.Bench.Machine;

namespace Engine.Bench.Peers;

/// <summary>Publishes the engine command, as a user would.</summary>
internal static class EngineBuild
{
    private static readonly string[] SelfContained = ["--self-contained", "-p:PublishTrimmed=true", "-p:DebugType=none", "-p:GenerateDocumentationFile=false"];

    /// <summary>Publishes it for a machine that has .NET.</summary>
    /// <returns>The executable.</returns>
    public static string Publish(Repository repository) => Publish(repository, "peers");

    /// <summary>Publishes it with its own trimmed runtime, for a machine that has nothing.</summary>
    /// <returns>The folder.</returns>
    public static string PublishSelfContained(Repository repository) => Path.GetDirectoryName(Publish(repository, "peers-self-contained", SelfContained))!;

    /// <summary>The bytes of a folder's files, and those of a .tar.gz of them.</summary>
    public static (long Installed, long Download) SizesOf(string folder)
    {
        long installed = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        using CountingStream counter = new();
        using (GZipStream zip = new(counter, CompressionLevel.Optimal, leaveOpen: true))
        {
            TarFile.CreateFromDirectory(folder, zip, includeBaseDirectory: false);
        }

        return (installed, counter.Length);
    }

    private static string Publish(Repository repository, string name, params string[] more)
    {
        string folder = Path.Combine(repository.Root, "artifacts", name);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        // Paths of its own for what is built on the way, so that the ordinary builds' stay as they are.
        string[] arguments =
        [
            "publish", Path.Combine(repository.Root, "src", "Cli"), "-c", "Release", "-o", folder, "-v", "quiet", "-nologo",
            "--artifacts-path", Path.Combine(
                repository.Root, "artifacts", $"{name}-build"), "--use-current-runtime", .. more.Length == 0 ? ["--no-self-contained"] : more,
        ];
        // Compilers that stay would keep the pipe open, and this would wait for them.
        ProcessStartInfo start = new("dotnet", arguments) { RedirectStandardOutput = true };
        (start.Environment["MSBUILDDISABLENODEREUSE"], start.Environment["UseSharedCompilation"]) = ("1", "false");
        using Process publish = Process.Start(start)!;
        string output = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        return publish.ExitCode == 0
            ? Path.Combine(folder, OperatingSystem.IsWindows() ? "engine.exe" : "engine")
            : throw new EngineException(
                $"dotnet publish src/Cli failed: {output.Split('\n').FirstOrDefault(l => l.Contains("error", StringComparison.Ordinal)) ?? output}");
    }

    /// <summary>Forgets what is written to it, but for the length.</summary>
    private sealed class CountingStream : Stream
    {
        private long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position
        {
            get => _length;
            set => throw new NotSupportedException();
        }

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => _length += count;

        public override void Write(ReadOnlySpan<byte> buffer) => _length += buffer.Length;
    }
}
