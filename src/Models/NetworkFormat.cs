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
            _isRegistered = true;
        }
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
