using Engine.Formats;
using Engine.Models;
using Engine.Training;

namespace Engine.Cli;

/// <summary>A network that command line and saved run choose, made once for the images that are expected.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Options">How it was made.</param>
/// <param name="Network">It, without values.</param>
internal sealed record ChosenNetwork(string Model, NetworkOptions Options, Network Network)
{
    /// <summary>Makes the network that the command line names.</summary>
    /// <exception cref="UsageException">There is none of that name, or an option does not fit it.</exception>
    public static ChosenNetwork Create(string model, NetworkOptions options) =>
        new(model, options, UsageException.Check(() => Networks.Create(model, options)));

    /// <summary>Makes the network of a run.</summary>
    /// <param name="path">Where the run or its weights are.</param>
    /// <param name="run">The run.</param>
    /// <param name="channels">Of the images that are expected; null for the network's own.</param>
    /// <param name="classes">Of the images that are expected; null for the network's own.</param>
    /// <param name="change">Puts what the command line says in the place of the run's options.</param>
    /// <exception cref="EngineException">The run's own network does not exist.</exception>
    /// <exception cref="UsageException">What the command line says does not fit the network.</exception>
    public static ChosenNetwork OfRun(string path, RunManifest run, int? channels, int? classes, Func<NetworkOptions, NetworkOptions> change)
    {
        NetworkOptions trained = run.Part<NetworkOptions>() with { Channels = channels, Classes = classes }, changed = change(trained);
        if (changed != trained)
        {
            return Create(run.Model, changed);
        }

        try
        {
            return new ChosenNetwork(run.Model, trained, Networks.Create(run.Model, trained));
        }
        catch (EngineException e)
        {
            throw new EngineException($"'{path}' was trained with a network that cannot be made: {e.Message}", e);
        }
    }

    /// <summary>The network for images of so many channels and classes: the same one, unless it was made for other channels.</summary>
    /// <exception cref="UsageException">A number does not fit it.</exception>
    public Network Fit(int channels, int classes) => UsageException.Check(() =>
    {
        if (channels != Network.Channels)
        {
            return Networks.Create(Model, Options with { Channels = channels, Classes = classes });
        }

        Network.ReplaceHead(classes);
        return Network;
    });

    /// <summary>The network for a file of weights; the shapes of its first filter and its last bias give the channels and the classes.</summary>
    public Network Fit(TensorFile file)
    {
        (string first, _) = Network.Parameters.First();
        (string last, _) = Network.Parameters.Last();
        return Fit(
            StateDictionary.Find(Network, file, first) is { Extents: [_, >= 1 and <= int.MaxValue, _, _] filter } ? (int)filter[1] : Network.Channels,
            StateDictionary.Find(Network, file, last) is { Extents: [>= 1 and <= int.MaxValue] bias } ? (int)bias[0] : Network.Classes);
    }
}
