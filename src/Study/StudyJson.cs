using System.Buffers;
using System.Text;
using System.Text.Json;
using Engine.Training;

namespace Engine.Study;

/// <summary>
/// A study as JSON: a whole run as one object, or one event as one line, in the same shapes, so that a page can begin with a run and
/// go on with its events. Measurements are columns: an array a statistic, with a number a layer, in the order of "layers".
/// </summary>
public static class StudyJson
{
    private static readonly JsonWriterOptions Compact = new() { Indented = false };

    /// <summary>
    /// The run so far: {"format": 1, "options": {...}, "statistics": [{"name", "title", "description", "logarithmic"}], "completed": true,
    /// "networks": [{"index", "name", "kind", "depth", "norm", "shortcut", "initialization", "parameters", "total_steps",
    /// "layers": [{"name", "depth", "beside"}], "blocks": ["layer1.0"], "branches": ["shortcut", "residual"], "state", "message",
    /// "train": [{"step", "loss", "error"}], "test": [...], "samples": [SAMPLE]}]}, where SAMPLE is
    /// {"step": 0, "weight_gradient": [a number a layer], ..., "shortcut_gradient": [a number a block], "residual_gradient": [...]}.
    /// "completed" is null while the study runs. Call it inside <see cref="StudyRun.Read"/> or <see cref="StudyRun.Follow"/> then.
    /// </summary>
    public static string Write(StudyRun run) => Text(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("format", 1);
        WriteOptions(writer, run.Options);
        writer.WriteStartArray("statistics");
        foreach (StudyStatistic statistic in StudyStatistic.All)
        {
            writer.WriteStartObject();
            writer.WriteString("name", statistic.Name);
            writer.WriteString("title", statistic.Title);
            writer.WriteString("description", statistic.Description);
            writer.WriteBoolean("logarithmic", statistic.IsLogarithmic);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WritePropertyName("completed");
        WriteFlag(writer, run.IsCompleted);
        writer.WriteStartArray("networks");
        foreach (StudyNetwork network in run.Networks)
        {
            WriteNetwork(writer, network);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    /// <summary>
    /// One event: {"event": "state", "network": 0, "state": "running", "message": null}, {"event": "train" or "test", "network", "step", "loss",
    /// "error"}, {"event": "sample", "network", then the members of a SAMPLE}, or {"event": "end", "completed": true}.
    /// </summary>
    public static string Write(StudyEvent happened) => Text(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("event", happened switch
        {
            StateChanged => "state",
            TrainMeasured => "train",
            TestMeasured => "test",
            FlowMeasured => "sample",
            _ => "end",
        });
        if (happened is not StudyEnded)
        {
            writer.WriteNumber("network", happened.Network);
        }

        switch (happened)
        {
            case StateChanged changed:
                WriteState(writer, changed.State, changed.Message);
                break;
            case TrainMeasured train:
                WritePoint(writer, train.Point);
                break;
            case TestMeasured test:
                WritePoint(writer, test.Point);
                break;
            case FlowMeasured flow:
                WriteSample(writer, flow.Sample);
                break;
            case StudyEnded ended:
                writer.WriteBoolean("completed", ended.IsCompleted);
                break;
        }

        writer.WriteEndObject();
    });

    private static string Text(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Compact))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteOptions(Utf8JsonWriter writer, StudyOptions options)
    {
        writer.WriteStartObject("options");
        writer.WriteStartArray("depths");
        foreach (int depth in options.Depths)
        {
            writer.WriteNumberValue(depth);
        }

        writer.WriteEndArray();
        WriteTexts(writer, "kinds", options.Kinds);
        writer.WriteString("shortcut", options.Shortcut.ToString());
        writer.WriteString("norm", options.Norm);
        writer.WriteString("initialization", options.Initialization);
        writer.WriteString("data", options.Data);
        writer.WriteNumber("epochs", options.Epochs);
        if (options.MaxSteps is { } steps)
        {
            writer.WriteNumber("max_steps", steps);
        }

        writer.WriteNumber("batch_size", options.BatchSize);
        writer.WriteNumber("learning_rate", options.LearningRate);
        writer.WriteString("schedule", options.Schedule);
        writer.WriteNumber("every", options.Every);
        writer.WriteNumber("curve_interval", options.CurveInterval);
        writer.WriteNumber("unnormalized_steps", options.UnnormalizedSteps);
        writer.WriteNumber("unnormalized_rate", options.UnnormalizedRate);
        writer.WriteNumber("seed", options.Seed);
        writer.WriteEndObject();
    }

    private static void WriteNetwork(Utf8JsonWriter writer, StudyNetwork network)
    {
        StudyNetworkInfo info = network.Info;
        writer.WriteStartObject();
        writer.WriteNumber("index", info.Index);
        writer.WriteString("name", info.Name);
        writer.WriteString("kind", info.Kind);
        writer.WriteNumber("depth", info.Depth);
        writer.WriteString("norm", info.Norm);
        writer.WriteString("shortcut", info.Shortcut);
        writer.WriteString("initialization", info.Initialization);
        writer.WriteNumber("parameters", info.Parameters);
        writer.WriteNumber("total_steps", info.TotalSteps);
        writer.WriteStartArray("layers");
        foreach (StudyLayer layer in info.Layers)
        {
            writer.WriteStartObject();
            writer.WriteString("name", layer.Name);
            writer.WriteNumber("depth", layer.Depth);
            writer.WriteBoolean("beside", layer.IsBeside);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteTexts(writer, "blocks", info.Blocks);
        WriteTexts(writer, "branches", info.Branches);
        WriteState(writer, network.State, network.Message);
        WriteCurve(writer, "train", network.Train);
        WriteCurve(writer, "test", network.Test);
        writer.WriteStartArray("samples");
        foreach (FlowSample sample in network.Samples)
        {
            writer.WriteStartObject();
            WriteSample(writer, sample);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteState(Utf8JsonWriter writer, StudyState state, string? message)
    {
        writer.WriteString("state", state.ToString().ToLowerInvariant());
        writer.WriteString("message", message);
    }

    private static void WriteCurve(Utf8JsonWriter writer, string name, IReadOnlyList<CurvePoint> points)
    {
        writer.WriteStartArray(name);
        foreach (CurvePoint point in points)
        {
            writer.WriteStartObject();
            WritePoint(writer, point);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WritePoint(Utf8JsonWriter writer, CurvePoint point)
    {
        writer.WriteNumber("step", point.Step);
        writer.WritePropertyName("loss");
        WriteNumber(writer, point.Loss);
        writer.WritePropertyName("error");
        WriteNumber(writer, point.Error);
    }

    private static void WriteSample(Utf8JsonWriter writer, FlowSample sample)
    {
        writer.WriteNumber("step", sample.Step);
        foreach (StudyStatistic statistic in StudyStatistic.All)
        {
            WriteNumbers(writer, statistic.Name, sample.Layers.Select(statistic.Of));
        }

        foreach (string branch in sample.Blocks.Count == 0 ? [] : sample.Blocks[0].Branches.Keys)
        {
            WriteNumbers(writer, $"{branch}_gradient", sample.Blocks.Select(block => (double?)block.Branches[branch]));
        }
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, IEnumerable<double?> numbers)
    {
        writer.WriteStartArray(name);
        foreach (double? number in numbers)
        {
            WriteNumber(writer, number);
        }

        writer.WriteEndArray();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static void WriteNumber(Utf8JsonWriter writer, double? value)
    {
        if (StudyNumber.Text(value) is { } text)
        {
            writer.WriteRawValue(text);
        }
        else
        {
            writer.WriteNullValue();
        }
    }

    private static void WriteFlag(Utf8JsonWriter writer, bool? value)
    {
        if (value is { } flag)
        {
            writer.WriteBooleanValue(flag);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}
