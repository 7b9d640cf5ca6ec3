using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Reference;
using Engine.Images;
using Engine.Kernels.Interop;
using Engine.Kernels.Prediction;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine doctor: what this machine offers, and what is missing.</summary>
internal sealed class DoctorCommand : Subcommand
{
    public DoctorCommand(CommandOutput output) : base(
        output, "doctor", "Show the system, devices, libraries and data sets, and what is missing.", "engine doctor", "engine doctor --json") =>
        AddOptions();

    protected override Task<int> RunAsync(ParseResult arguments, CommandOutput output, CancellationToken cancellation)
    {
        JsonObject report = Examine();
        if (output.IsJson)
        {
            output.Json(report);
        }
        else
        {
            Tell(report, output);
        }

        return Task.FromResult(ExitCodes.Success);
    }

    private static JsonObject Examine()
    {
        CudaProbe cuda = CudaLibraries.Probe();
        using CpuDevice cpu = new();
        using ReferenceDevice reference = new();
        return new JsonObject
        {
            ["engine"] = typeof(DoctorCommand).Assembly.GetName().Version!.ToString(3),
            ["os"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
            ["dotnet"] = RuntimeInformation.FrameworkDescription,
            ["processors"] = Environment.ProcessorCount,
            ["memory_bytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            ["simd"] = SimdLevels.Widest.ToString(),
            ["threads"] = cpu.Threads,
            ["devices"] = new JsonArray(
            [
                Named(cpu),
                Named(reference),
                .. cuda.Devices.Select(d => new JsonObject { ["name"] = $"cuda:{d.Index}", ["description"] = $"{d.Name}, {d.TotalMemory >> 30} GiB" }),
            ]),
            ["cuda"] = cuda.IsAvailable,
            ["cuda_problem"] = cuda.Problem,
            ["gpu"] = cuda.IsAvailable ? GpuDescription.TryOf(0)?.ToJson() : null,
            ["libraries"] = new JsonArray(
            [
                .. cuda.Libraries.Select(l => Library(l.Name, l.IsAvailable, l.Path, l.Version, l.Problem, l.HowToGet)),
                Library("TurboJPEG (JPEG pictures)", TurboJpegLibrary.IsAvailable, TurboJpegLibrary.Path, null, null, TurboJpegLibrary.HowToGet),
            ]),
            ["data_folder"] = DataFolder.Cache,
            ["data"] = new JsonArray([.. DataSets.All.Select(DataListCommand.Json)]),
        };
    }

    private static JsonObject Named(Device device) => new() { ["name"] = device.Name, ["description"] = device.Description };

    private static JsonObject Library(string name, bool isFound, string? path, string? version, string? problem, string howToGet) => new()
    {
        ["name"] = name,
        ["found"] = isFound,
        ["path"] = path,
        ["version"] = version,
        ["problem"] = isFound ? null : problem ?? $"not found; {howToGet}",
    };

    private static void Tell(JsonObject report, CommandOutput output)
    {
        Table table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
        Row("engine", $"{report["engine"]}, {report["dotnet"]}");
        Row("system", $"{report["os"]}, {report["architecture"]}, {report["processors"]} processors, {(long)report["memory_bytes"]! >> 20:N0} MiB of memory");
        Row("vectors", $"{report["simd"]}");
        foreach (JsonNode? device in report["devices"]!.AsArray())
        {
            Row($"device {device!["name"]}", $"{device["description"]}");
        }

        foreach (JsonNode? library in report["libraries"]!.AsArray())
        {
            Row($"{library!["name"]}", !(bool)library["found"]! ? $"{library["problem"]}" : library["version"] is { } version ? $"{version} in {library["path"]}" : $"{library["path"]}");
        }

        foreach (JsonNode? set in report["data"]!.AsArray())
        {
            Row($"data {set!["name"]}", $"{set["location"] ?? set["problem"]}");
        }

        Row("data folder", $"{report["data_folder"]}");
        output.Console.Write(table);

        void Row(string name, string text) => table.AddRow(Markup.Escape(name), Markup.Escape(text));
    }
}
