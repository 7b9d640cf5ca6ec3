using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Engine.Kernels;
using Engine.Kernels.Prediction;
using Engine.Models;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine bench: images per second on synthetic data.</summary>
internal sealed class BenchCommand : Subcommand
{
    private const int KernelsBatchSize = 1024;
    private const int LatencySteps = 200;
    private readonly Option<string> _model = SharedOptions.Model("resnet20");
    private readonly ModelOptions _modelOptions = new();
    private readonly Option<int?> _batchSize = SharedOptions.BatchSize("128, or 1,024 with --kernels");
    private readonly Option<string> _mode = OptionKinds.OneOf("--mode", ["train", "infer"], "Measure training steps, or only forward passes", "train");
    private readonly Option<string> _device = SharedOptions.Device();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<int?> _steps = OptionKinds.Number<int>(
        "--steps", "N", "Number of measured steps", shown: "10, or 200 for a single image's latency", least: 1);
    private readonly Option<int?> _warmUp = OptionKinds.Number<int>("--warmup", "N", "Number of warm-up steps before them", shown: "3", least: 0);
    private readonly Option<string> _precision = SharedOptions.Precision();
    private readonly Option<string?> _graph = SharedOptions.Graph();

    private readonly Option<string> _batchNorm = OptionKinds.OneOf("--batch-norm", ["engine", "cudnn"], "Kernels that compute batch norm on a GPU", "engine");
    private readonly ConvolutionOptions _convolutions = new(writesPlans: true);
    private readonly Option<bool> _kernels = new("--kernels") { Description = "Measure the memory-bound GPU kernels instead, compared with a copy" };

    private readonly Option<bool> _layers = new("--layers") { Description = "Measure each layer of the network, on the CPU, instead of the whole" };

    private readonly Option<string?> _predict = OptionKinds.Text(
        "--predict", $"{string.Join('|', GpuDescription.BuiltIn)}|FILE.json", "Predict the step on a GPU that this machine does not have, from the kernels it "
            + "would launch")!;

    public BenchCommand(CommandOutput output) : base(
        output, "bench", "Measure images per second on synthetic data.",
        "engine bench --model resnet20 --batch-size 128 --mode train --json",
        "engine bench --model resnet50 --batch-size 8 --mode infer --device cpu --threads 2",
        "engine bench --model resnet18 --batch-size 1 --mode infer --steps 10000",
        "engine bench --model resnet50 --batch-size 1 --mode infer --layers",
        "engine bench --device cuda --precision bf16 --batch-norm cudnn",
        "engine bench --device cuda --convolutions legacy --json",
        "engine bench --model resnet50 --device cuda --precision bf16 --plans resnet50.json",
        "engine bench --kernels --device cuda --json",
        "engine bench --model resnet50 --batch-size 256 --precision bf16 --predict h100")
    {
        _predict.CompletionSources.Add([.. GpuDescription.BuiltIn]);
        AddOptions([_model, _batchSize, _mode, _device, _threads, _steps, _warmUp, _precision, _graph, _batchNorm, _kernels, _layers, _predict,
            .. _convolutions.All, .. _modelOptions.All]);
    }

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        string model = arguments.GetValue(_model)!;
        string mode = arguments.GetValue(_mode)!;
        string precision = arguments.GetValue(_precision)!;
        bool isOfKernels = arguments.GetValue(_kernels);
        int batchSize = arguments.GetValue(_batchSize) ?? (isOfKernels ? KernelsBatchSize : 128);
        bool isOfLatency = mode == "infer" && batchSize == 1 && !isOfKernels;
        int steps = arguments.GetValue(_steps) ?? (isOfLatency ? LatencySteps : 10);
        int warmUp = arguments.GetValue(_warmUp) ?? 3;
        CudaBatchNorm batchNorm = arguments.GetValue(_batchNorm) == "cudnn" ? CudaBatchNorm.Cudnn : CudaBatchNorm.Engine;
        Network network = UsageException.Check(() => Networks.Create(model, _modelOptions.Read(arguments)));
        if (arguments.GetValue(_predict) is { } gpu)
        {
            return Task.FromResult(Predict(arguments, network, gpu, model, mode, precision, batchSize, output));
        }

        ConvolutionChoice convolutions = _convolutions.Read(arguments);
        using Device device = DeviceChoice.Open(arguments.GetValue(_device)!, arguments.GetValue(_threads), output, precision, batchNorm, convolutions);
        if (isOfKernels)
        {
            return Task.FromResult(MeasureKernels(device, batchSize, steps, precision, output, cancellation));
        }

        bool isRecorded = DeviceChoice.RecordSteps(arguments.GetValue(_graph), device) ?? device.CanRecordSteps;
        using Benchmark benchmark = new(network, device, batchSize, mode == "train", isRecorded);
        if (arguments.GetValue(_layers))
        {
            LayerReport report = new(network, benchmark.Profile(warmUp, steps, cancellation));
            report.Write(output, $"{model}, {mode}, batch size {batchSize}");
            return Task.FromResult(ExitCodes.Success);
        }

        BenchmarkResult result = benchmark.Run(warmUp, steps, isOfLatency, cancellation);
        if (convolutions.Plans is { } plans && device is CudaDevice measured)
        {
            measured.SavePlans(plans);
        }

        StepForecast? forecast = batchNorm == CudaBatchNorm.Engine ? Expect(
            device, Networks.Create(model, _modelOptions.Read(arguments)), batchSize, mode == "train") : null;
        if (output.IsJson)
        {
            JsonObject json = Json(result, model, mode, batchSize, device, precision, isRecorded, batchNorm);
            ConvolutionOptions.Report(device, json);
            if (result.Latencies is not null)
            {
                json["latency_milliseconds"] = new JsonObject
                {
                    ["p50"] = Math.Round(result.Latency(50), 4),
                    ["p99"] = Math.Round(result.Latency(99), 4),
                    ["max"] = Math.Round(result.Latency(100), 4),
                    ["calls"] = result.Latencies.Count,
                };
            }

            if (forecast is not null)
            {
                json["predicted_images_per_second"] = Math.Round(forecast.ImagesPerSecond, 1);
                json["predicted_for"] = forecast.Prediction.Gpu.Name;
            }

            output.Json(json);
        }
        else
        {
            output.Say(string.Create(
                CultureInfo.InvariantCulture,
                $"{model}, {mode}, batch size {batchSize}, {precision}: {result.Median:N1} images/s (from {result.Rates[0]:N1} to {result.Rates[^1]:N1}), "
                    + $"peak memory {result.PeakDeviceBytes / 1048576.0:N1} MiB, {result.ManagedBytesPerStep:N0} managed bytes per step"));
            if (result.Latencies is not null)
            {
                output.Say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"a single image takes {result.Latency(50):N2} ms (p50), {result.Latency(99):N2} ms (p99), of {result.Latencies.Count:N0} calls"));
            }

            if (forecast is not null)
            {
                output.Say(string.Create(
                    CultureInfo.InvariantCulture, $"predicted for {forecast.Prediction.Gpu.Name}: {forecast.ImagesPerSecond:N1} images/s"));
            }
        }

        return Task.FromResult(ExitCodes.Success);
    }

    // The first keys are those of the PyTorch side, so that the two can be compared line by line.
    private static JsonObject Json(
        BenchmarkResult result, string model, string mode, int batchSize, Device device, string precision, bool isRecorded, CudaBatchNorm batchNorm) => new()
        {
            ["engine"] = $"engine {typeof(BenchCommand).Assembly.GetName().Version!.ToString(3)}",
            ["model"] = model,
            ["mode"] = mode,
            ["batch_size"] = batchSize,
            ["device"] = device is CpuDevice cpu ? $"cpu x{cpu.Threads}" : device.Description.Split(',')[0],
            ["precision"] = precision,
            ["compile"] = "",
            ["channels_last"] = true,
            ["images_per_second"] = new JsonObject
            {
                ["min"] = Math.Round(result.Rates[0], 1),
                ["median"] = Math.Round(result.Median, 1),
                ["max"] = Math.Round(result.Rates[^1], 1),
            },
            ["peak_device_bytes"] = result.PeakDeviceBytes,
            ["graph"] = isRecorded,
            ["batch_norm"] = batchNorm == CudaBatchNorm.Cudnn ? "cudnn" : "engine",
            ["steps"] = result.Rates.Count * result.StepsPerRate,
            ["managed_bytes_per_step"] = result.ManagedBytesPerStep,
            ["native_allocations"] = result.NativeAllocations,
            ["gen1_collections"] = result.Gen1Collections,
            ["gen2_collections"] = result.Gen2Collections,
            ["resident_growth_bytes"] = result.ResidentGrowthBytes,
        };

    /// <summary>What the model expects of the GPU that was measured; null where it is none, or tells too little of itself.</summary>
    private static StepForecast? Expect(Device device, Network network, int batchSize, bool isTraining)
    {
        if (device is not CudaDevice gpu || GpuDescription.TryOf(gpu.Context.DeviceId) is not { } description)
        {
            return null;
        }

        try
        {
            return StepForecast.Make(network, CudaDevice.DescribeByRecords(description, gpu.Precision), description, batchSize, isTraining);
        }
        catch (EngineException)
        {
            // A measurement is not lost because the model cannot follow it.
            return null;
        }
    }

    private int Predict(
        ParseResult arguments, Network network, string gpu, string model, string mode, string precision, int batchSize, CommandOutput output)
    {
        if (arguments.GetValue(_kernels) || arguments.GetValue(_batchNorm) == "cudnn")
        {
            throw new UsageException("--predict only knows the step's own kernels: leave out --kernels and --batch-norm cudnn");
        }

        CudaPrecision arithmetic = UsageException.Check(() => CudaPrecisions.Parse(precision));
        GpuDescription description = UsageException.Check(() => GpuDescription.Find(gpu));
        StepForecast forecast = StepForecast.Make(network, description, arithmetic, batchSize, mode == "train");
        if (_convolutions.Read(arguments).Plans is { } file)
        {
            PredictedPlanFile.Save(file, forecast);
        }

        if (output.IsJson)
        {
            output.Json(PredictionReport.Json(forecast, model, mode, precision));
        }
        else
        {
            PredictionReport.Write(forecast, $"{model}, {mode}, batch size {batchSize}, {precision}", output);
        }

        return ExitCodes.Success;
    }

    private static int MeasureKernels(Device device, int images, int rounds, string precision, CommandOutput output, CancellationToken cancellation)
    {
        if (device is not CudaDevice gpu)
        {
            throw new UsageException($"--kernels needs a GPU, but the device is {device.Name}");
        }

        using KernelBenchmark benchmark = new(gpu, images);
        IReadOnlyList<KernelRate> rates = benchmark.Run(rounds, cancellation);
        if (output.IsJson)
        {
            output.Json(new JsonObject
            {
                ["engine"] = $"engine {typeof(BenchCommand).Assembly.GetName().Version!.ToString(3)}",
                ["device"] = device.Description.Split(',')[0],
                ["precision"] = precision,
                ["activation_bytes"] = benchmark.ActivationBytes,
                ["rounds"] = rounds,
                ["winners"] = KernelBenchmark.Winners(rates),
                ["kernels"] = new JsonArray([.. rates.Select(rate => new JsonObject
                {
                    ["name"] = rate.Name,
                    ["bytes"] = rate.Bytes,
                    ["gigabytes_per_second"] = Math.Round(rate.GigabytesPerSecond, 1),
                    ["percent_of_copy"] = Math.Round(rate.PercentOfCopy, 1),
                })]),
            });
            return ExitCodes.Success;
        }

        CultureInfo culture = CultureInfo.InvariantCulture;
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("kernel").AddColumn(new TableColumn("MB moved").RightAligned())
            .AddColumn(new TableColumn("GB/s").RightAligned()).AddColumn(new TableColumn("of the copy").RightAligned());
        foreach (KernelRate rate in rates)
        {
            table.AddRow(
                Markup.Escape(rate.Name), (rate.Bytes / 1e6).ToString("N1", culture), rate.GigabytesPerSecond.ToString("N1", culture),
                string.Create(culture, $"{rate.PercentOfCopy:N1} %"));
        }

        output.Console.Write(table);
        return ExitCodes.Success;
    }
}
