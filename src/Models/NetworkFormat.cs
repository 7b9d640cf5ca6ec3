using Engine.Formats;
using Engine.Layers;

namespace Engine.Models;

/// <summary>How networks that were made by name are written in a <see cref="NetworkDescription"/>: name, options, channels and classes.</summary>
internal static class NetworkFormat
{
    private static readonly Lock Registering = new();
    private static bool _isRegistered;

    public static void Register()
    {
        lock (Registering)
        {
            if (_isRegistered)
            {
                return;
            }

            // One name each, so that the types do not replace one another; all are made alike.
            RegisterType<ResNet>("ResNet");
            RegisterType<CifarResNet>("CifarResNet");
            RegisterType<Vgg>("Vgg");
            NetworkDescription.Register("Mlp", WriteMlp, MakeMlp);
            NetworkDescription.Register("ResidualMlpBlock", WriteBlock, MakeBlock);
            NetworkDescription.Register("ResidualMlp", WriteResidual, MakeResidual);
            _isRegistered = true;
        }
    }

    // Deeper than any that trains; a damaged file must not keep a program busy.
    private const int MostLayers = 1_000;

    private static void WriteMlp(Mlp network, ModuleArguments arguments)
    {
        arguments.Set("inputs", network.Inputs);
        arguments.Set("hidden", [.. network.Hidden]);
        arguments.Set("outputs", network.Outputs);
        WriteChoices(arguments, network.Activation, network.Norm, network.Dropout);
    }

    private static Mlp MakeMlp(ModuleArguments a)
    {
        int[] hidden = a.Ints("hidden");
        CheckDepth(hidden.Length);
        return new Mlp(a.Int("inputs"), hidden, a.Int("outputs"), a.Text("activation"), a.Text("norm"), a.Number("dropout"));
    }

    private static void WriteBlock(ResidualMlpBlock block, ModuleArguments arguments)
    {
        arguments.Set("width", block.Width);
        arguments.Set("hidden", block.Hidden);
        WriteChoices(arguments, block.Activation, block.Norm, block.Dropout);
        arguments.Set("shortcut", block.HasShortcut);
    }

    private static ResidualMlpBlock MakeBlock(ModuleArguments a) =>
        new(a.Int("width"), a.Int("hidden"), a.Text("activation"), a.Text("norm"), a.Number("dropout"), a.Flag("shortcut"));

    private static void WriteResidual(ResidualMlp network, ModuleArguments arguments)
    {
        arguments.Set("inputs", network.Inputs);
        arguments.Set("width", network.Width);
        arguments.Set("blocks", network.Blocks.Children.Count);
        arguments.Set("outputs", network.Outputs);
        WriteChoices(arguments, network.Activation, network.Norm, network.Dropout);
        arguments.Set("shortcut", network.HasShortcut);
    }

    private static ResidualMlp MakeResidual(ModuleArguments a)
    {
        CheckDepth(a.Int("blocks"));
        return new ResidualMlp(
            a.Int("inputs"), a.Int("width"), a.Int("blocks"), a.Int("outputs"), a.Text("activation"), a.Text("norm"), a.Number("dropout"), a.Flag("shortcut"));
    }

    private static void CheckDepth(int layers)
    {
        if (layers > MostLayers)
        {
            throw new EngineException($"the description of the network has {layers:N0} layers, but at most {MostLayers:N0} are read");
        }
    }

    private static void WriteChoices(ModuleArguments arguments, string activation, string norm, double dropout)
    {
        arguments.Set("activation", activation);
        arguments.Set("norm", norm);
        arguments.Set("dropout", dropout);
    }

    private static void RegisterType<T>(string type)
        where T : Network => NetworkDescription.Register<T>(type, Write, Make<T>);

    private static void Write(Network network, ModuleArguments arguments)
    {
        if (network.Origin is not { } origin)
        {
            // Made of options that have no text: the file goes without a description.
            arguments.GiveUp();
            return;
        }

        arguments.Set("name", origin.Name);
        arguments.Set("options", origin.Options.ToText());
        arguments.Set("channels", network.Channels);
        arguments.Set("classes", network.Classes);
    }

    private static T Make<T>(ModuleArguments arguments)
        where T : Network
    {
        NetworkOptions options = NetworkOptions.Parse(arguments.Text("options"));
        string name = arguments.Text("name");
        return Networks.Create(name, options with { Channels = arguments.Int("channels"), Classes = arguments.Int("classes") }) as T
            ?? throw new EngineException($"the description of the network is damaged: '{ShownName.Of(name)}' is no {typeof(T).Name}");
    }
}
