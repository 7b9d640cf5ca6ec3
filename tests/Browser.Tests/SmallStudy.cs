using Engine.Data;
using Engine.Study;

namespace Engine.Browser.Tests;

/// <summary>The report of a study of a few steps, with all kinds of networks; or the one that the variable ENGINE_REPORT names.</summary>
public sealed class SmallStudy : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public SmallStudy()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_REPORT") is { Length: > 0 } report)
        {
            Address = new Uri(Path.GetFullPath(report)).AbsoluteUri;
            return;
        }

        StudyRunner runner = new(Options, DataSets.Open("digits"));
        runner.Train(() => new CpuDevice(1), 2);
        StudyFolder.Write(runner.Run, _folder.Path);
        Address = new Uri(_folder["report.html"]).AbsoluteUri;
    }

    /// <summary>What is studied.</summary>
    public static StudyOptions Options { get; } = new()
    {
        Depths = [8, 14],
        Kinds = ["plain", "residual", "highway"],
        MaxSteps = 8,
        Every = 2,
        CurveInterval = 2,
        LearningRate = 0.05,
        UnnormalizedSteps = 3,
    };

    /// <summary>The report's file: address.</summary>
    public string Address { get; }

    public void Dispose() => _folder.Dispose();
}
