using System.CommandLine;
using System.Text.Json.Nodes;
using Engine.Kernels;

namespace Engine.Cli;

/// <summary>How a GPU computes convolutions, as a command was asked.</summary>
/// <param name="Way">What is tried first; null where nothing was asked.</param>
/// <param name="Plans">A file of plans; null for none.</param>
internal sealed record ConvolutionChoice(CudaConvolutions? Way, string? Plans)
{
    /// <summary>Nothing was asked.</summary>
    public static ConvolutionChoice Default { get; } = new(null, null);

    /// <summary>Lets a device use the file of plans, and tell what it does otherwise than asked.</summary>
    /// <exception cref="UsageException">The device is no GPU.</exception>
    public void Apply(Device device, CommandOutput output)
    {
        if (device is CudaDevice gpu)
        {
            gpu.Noted += output.Note;
            if (Plans is not null)
            {
                gpu.UsePlans(Plans, isKept: false);
            }
        }
        else if ((Way is null ? Plans is null ? null : "--plans" : "--convolutions") is { } option)
        {
            throw new UsageException($"{option} needs a GPU, but the device is {device.Name}; leave it out");
        }
    }
}

/// <summary>The options --convolutions and --plans.</summary>
internal sealed class ConvolutionOptions
{
    private readonly Option<string?> _way;
    private readonly Option<string?> _plans;
    private readonly bool _writesPlans;

    /// <param name="writesPlans">Whether the command writes the file of plans when it is done, so that there need be none before.</param>
    public ConvolutionOptions(bool writesPlans = false)
    {
        _writesPlans = writesPlans;
        _way = OptionKinds.OneOf(
            "--convolutions", ["graph", "legacy", "direct"],
            "How a GPU computes convolutions: with cuDNN's graph API, its legacy API, or the engine's own, much slower kernels; each falls back to "
                + "the next", shown: "graph")!;
        _plans = OptionKinds.Text(
            "--plans", "FILE", writesPlans ? "File of convolution plans: read if it exists, written at the end"
                : "File of convolution plans written by 'engine bench --plans FILE'")!;
    }

    /// <summary>Both.</summary>
    public IReadOnlyList<Option> All => [_way, _plans];

    /// <summary>What the user asked.</summary>
    /// <exception cref="EngineException">The file of plans does not exist.</exception>
    public ConvolutionChoice Read(ParseResult arguments)
    {
        CudaConvolutions? way = arguments.GetValue(_way) switch
        {
            "graph" => CudaConvolutions.Graph,
            "legacy" => CudaConvolutions.Legacy,
            "direct" => CudaConvolutions.Direct,
            _ => null,
        };
        string? plans = arguments.GetValue(_plans);
        return plans is null || _writesPlans || File.Exists(plans)
            ? new ConvolutionChoice(way, plans)
            : throw new EngineException(Directory.Exists(plans)
                ? $"cannot read convolution plans from '{plans}': it is a folder, but must be a file"
                : $"there is no file of convolution plans '{plans}': 'engine bench --plans {plans}' writes one");
    }

    /// <summary>Adds to a report how many convolutions were computed by what; nothing where there is no GPU.</summary>
    public static void Report(Device device, JsonObject json)
    {
        if (device is CudaDevice gpu)
        {
            ConvolutionCounts counts = gpu.ConvolutionCounts;
            json["convolutions"] = new JsonObject
            {
                ["asked"] = gpu.Convolutions.ToString().ToLowerInvariant(),
                ["graph"] = counts.Graph,
                ["legacy"] = counts.Legacy,
                ["direct"] = counts.Direct,
            };
            json["direct_convolutions"] = counts.Direct;
        }
    }
}
