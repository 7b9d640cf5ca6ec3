using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Kernels.Interop;
using Engine.Kernels.Prediction;
using Engine.Vision;
using Spectre.Console;

namespace Engine.Cli;

/// <summary>engine doctor: what this machine has, and what is missing.</summary>
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
            ["simd_remark"] = CpuDevice.WidthRemark,
            ["threads"] = cpu.Threads,
            ["devices"] = new JsonArray(
            [
                Named(cpu),
                Named(reference),
                .. cuda.Devices.Select(d => new JsonObject
                {
                    ["name"] = $"cuda:{d.Index}",
                    ["description"] = $"{d.Name}, compute capability {d.ComputeCapability}, {d.TotalMemory >> 30} GiB",
                    ["usable"] = cuda.IsAvailable && d.Problem is null,
                    ["problem"] = d.Problem ?? (cuda.IsAvailable ? null : "found, but CUDA cannot be used"),
                }),
            ]),
            ["cuda"] = cuda.IsAvailable,
            ["usable"] = cuda.IsAvailable,
            ["cuda_problem"] = cuda.Problem,
            ["gpu"] = cuda.FirstUsableDevice is { } gpu && cuda.IsAvailable ? GpuDescription.TryOf(gpu.Index)?.ToJson() : null,
            ["cuda_path_problems"] = new JsonArray([.. cuda.FolderProblems]),
            ["libraries"] = new JsonArray(
            [
                .. cuda.Libraries.Select(l => Library(l.Name, l.IsFound, l.IsAvailable, l.Path, l.Version, l.Problem, l.HowToGet, l.PassedOver)),
                .. ImageLibrary.All.Select(l => Library(l.Title, l.IsAvailable, l.IsAvailable, l.Path, null, MissingImages(l), l.HowToGet, [])),
            ]),
            ["data_folder"] = DataFolder.Cache,
            ["data"] = new JsonArray([.. DataSets.All.Select(DataListCommand.Json)]),
        };
    }

    private static string? MissingImages(ImageLibrary library) =>
        library.Fallback is { } fallback && !library.IsAvailable ? $"not found: {fallback}; {library.HowToGet}" : null;

    private static JsonObject Named(Device device) => new() { ["name"] = device.Name, ["description"] = device.Description };

    private static JsonObject Library(
        string name, bool isFound, bool isUsable, string? path, string? version, string? problem, string howToGet, IReadOnlyList<string> passedOver) => new()
        {
            ["name"] = name,
            ["found"] = isFound,
            ["usable"] = isUsable,
            ["path"] = path,
            ["version"] = version,
            ["problem"] = isUsable ? null : problem ?? $"not found; {howToGet}",
            ["passed_over"] = new JsonArray([.. passedOver]),
        };

    private static void Tell(JsonObject report, CommandOutput output)
    {
        Table table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
        Row("engine", $"{report["engine"]}, {report["dotnet"]}");
        Row("system", $"{report["os"]}, {report["architecture"]}, {Words.Count((int)report["processors"]!, "processor")}, "
            + $"{(long)report["memory_bytes"]! >> 20:N0} MiB of memory");
        Row("vectors", $"{report["simd"]}");
        foreach (JsonNode? device in report["devices"]!.AsArray())
        {
            Row($"device {device!["name"]}", $"{device["description"]}{(device["problem"] is { } problem ? $"; {problem}" : "")}");
        }

        foreach (JsonNode? library in report["libraries"]!.AsArray())
        {
            Row($"{library!["name"]}", !(bool)library["usable"]! ? $"{library["problem"]}" : library["version"] is { } version
                ? $"{version} in {library["path"]}" : $"{library["path"]}");
        }

        foreach (JsonNode? set in report["data"]!.AsArray())
        {
            Row($"data {set!["name"]}", $"{set["location"] ?? set["problem"]}");
        }

        Row("data folder", $"{report["data_folder"]}");
        output.Console.Write(table);

        // Below the table, since a line for a search or a report must not be broken.
        foreach (JsonNode? library in report["libraries"]!.AsArray())
        {
            foreach (JsonNode? passed in library!["passed_over"]!.AsArray())
            {
                output.Say($"{library["name"]}: passed over, {passed}");
            }
        }

        foreach (JsonNode? problem in report["cuda_path_problems"]!.AsArray())
        {
            output.Say($"{problem}");
        }

        if (report["simd_remark"] is { } remark)
        {
            output.Say($"{remark}");
        }

        if (report["cuda_problem"] is { } reason)
        {
            output.Say($"{reason}");
        }

        void Row(string name, string text) => table.AddRow(Markup.Escape(name), Markup.Escape(text));
    }
}
