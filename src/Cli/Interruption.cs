using System.Runtime.InteropServices;

namespace Engine.Cli;

/// <summary>
/// The signals that ask the process to end: Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed or a connection that is lost. The first asks for an
/// orderly end, with a checkpoint.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _count;

    public Interruption()
    {
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            // nohup has SIGHUP ignored, so that the process outlives its terminal; it stays so.
            if (signal != PosixSignal.SIGHUP || !IsHangupIgnored())
            {
                _registrations.Add(PosixSignalRegistration.Create(signal, Stop));
            }
        }
    }

    /// <summary>Canceled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _registrations.ForEach(r => r.Dispose());
        _source.Dispose();
    }

    // A second Ctrl-C or SIGTERM is left to the system, which ends the process. A terminal that goes away sends SIGHUP several times, by the system and by
    // the shell, and means one thing by it.
    private void Stop(PosixSignalContext context)
    {
        context.Cancel = context.Signal == PosixSignal.SIGHUP || Interlocked.Increment(ref _count) == 1;
        _source.Cancel();
    }

    // .NET would catch the signal whether it was ignored or not, and tells nobody. SigIgn of /proc/self/status is a mask with bit N - 1 for signal N.
    private static bool IsHangupIgnored()
    {
        const string mark = "SigIgn:";
        try
        {
            return OperatingSystem.IsLinux()
                && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(mark, StringComparison.Ordinal)) is { } line
                && (Convert.ToUInt64(line[mark.Length..].Trim(), 16) & 1) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }
}
