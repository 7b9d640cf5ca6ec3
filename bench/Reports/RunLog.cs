using BenchmarkDotNet.EventProcessors;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Engine.Bench.Reports;

/// <summary>
/// What a run says while it lasts: what BenchmarkDotNet asks before it, errors, and how far it is, in one line that is written over on a terminal
/// and elsewhere in a line for each class. BenchmarkDotNet's own log has some seventy lines for each benchmark.
/// </summary>
/// <param name="output">Where it goes.</param>
/// <param name="isTerminal">Whether a line can be written over.</param>
internal sealed class RunLog(TextWriter output, bool isTerminal) : EventProcessor, ILogger
{
    private const string Erase = "\r\e[K";

    // Said as an error of each run; the results are written by RunReport.
    private const string NoExporters = "No exporters defined";
    private int _count, _done;
    private bool _hasBegun;

    /// <inheritdoc/>
    public string Id => nameof(RunLog);

    /// <inheritdoc/>
    public int Priority => 0;

    /// <inheritdoc/>
    public override void OnStartValidationStage() => _hasBegun = true;

    /// <inheritdoc/>
    public override void OnStartRunBenchmarksInType(Type type, IReadOnlyList<BenchmarkCase> benchmarks)
    {
        (_count, _done) = (benchmarks.Count, 0);
        if (!isTerminal)
        {
            output.WriteLine($"{type.Name}: {_count} benchmarks");
        }
    }

    /// <inheritdoc/>
    public override void OnStartRunBenchmark(BenchmarkCase benchmarkCase)
    {
        _done++;
        if (isTerminal)
        {
            output.Write($"{Erase}{benchmarkCase.Descriptor.Type.Name} {_done}/{_count}: {benchmarkCase.Parameters["Case"]}");
        }
    }

    /// <inheritdoc/>
    public override void OnEndRunBenchmarksInType(Type type, Summary summary)
    {
        if (isTerminal)
        {
            output.Write(Erase);
        }
    }

    /// <inheritdoc/>
    public void Write(LogKind logKind, string text)
    {
        if (IsShown(logKind, text))
        {
            output.Write(text);
        }
    }

    /// <inheritdoc/>
    public void WriteLine()
    {
        if (!_hasBegun)
        {
            output.WriteLine();
        }
    }

    /// <inheritdoc/>
    public void WriteLine(LogKind logKind, string text)
    {
        if (IsShown(logKind, text))
        {
            output.WriteLine(text);
        }
    }

    /// <inheritdoc/>
    public void Flush() => output.Flush();

    private bool IsShown(LogKind kind, string text) => !_hasBegun || (kind == LogKind.Error && !text.Contains(NoExporters, StringComparison.Ordinal));
}
