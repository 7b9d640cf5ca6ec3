using System.Globalization;

namespace Engine.Kernels.Cudnn;

/// <summary>A setting of an engine, such as its tile size.</summary>
/// <param name="Type">Which, in the numbering of cudnnBackendKnobType_t.</param>
/// <param name="Value">To what it is set; what a value means is the engine's own.</param>
public readonly record struct KnobChoice(int Type, long Value)
{
    /// <summary>Type and value, such as 2=4.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Type}={Value}");
}

/// <summary>An engine with its knobs set: what a plan is made from.</summary>
public sealed class EngineConfiguration : BackendDescriptor
{
    // No engine has nearly so many.
    private const int MostKnobs = 64;

    private GraphEngine? _engine;
    private KnobChoice[]? _knobs;

    /// <summary>Configures an engine by hand.</summary>
    /// <param name="engine">The engine, which must outlive it.</param>
    /// <param name="knobs">Its settings; those left out are as the engine has them by default.</param>
    public EngineConfiguration(GraphEngine engine, params ReadOnlySpan<KnobChoice> knobs) : base(engine.Calls, BackendDescriptorType.EngineConfiguration)
    {
        KnobChoice[] choices = knobs.ToArray();
        List<KnobDescriptor> descriptors = [];
        try
        {
            Build(() =>
            {
                Set(BackendAttribute.ConfigurationEngine, engine);
                foreach (KnobChoice choice in choices)
                {
                    descriptors.Add(new KnobDescriptor(Backend, choice));
                }

                if (descriptors.Count > 0)
                {
                    Set(BackendAttribute.ConfigurationKnobChoices, descriptors.ToArray());
                }
            });
        }
        finally
        {
            descriptors.ForEach(descriptor => descriptor.Dispose());
        }
    }

    /// <summary>One that the heuristics fill in.</summary>
    internal EngineConfiguration(ICudnnBackend backend) : base(backend, BackendDescriptorType.EngineConfiguration) { }

    /// <summary>The engine, which belongs to the configuration.</summary>
    public GraphEngine Engine
    {
        get
        {
            if (_engine is null)
            {
                _engine = new GraphEngine(Backend);
                Fill(BackendAttribute.ConfigurationEngine, _engine);
            }

            return _engine;
        }
    }

    /// <summary>How the engine's knobs are set.</summary>
    public IReadOnlyList<KnobChoice> Knobs => _knobs ??= ReadKnobs();

    /// <summary>The knobs as one text, such as "2=4 5=3"; empty where there are none.</summary>
    public string KnobText => string.Join(' ', Knobs);

    private protected override void DisposeCore() => _engine?.Dispose();

    private KnobChoice[] ReadKnobs()
    {
        KnobDescriptor[] descriptors = new KnobDescriptor[MostKnobs];
        int made = 0;
        try
        {
            for (; made < MostKnobs; made++)
            {
                descriptors[made] = new KnobDescriptor(Backend);
            }

            int count = Fill(BackendAttribute.ConfigurationKnobChoices, descriptors);
            return [.. descriptors[..count].Select(descriptor => descriptor.Read())];
        }
        finally
        {
            while (made > 0)
            {
                descriptors[--made].Dispose();
            }
        }
    }

    private sealed class KnobDescriptor : BackendDescriptor
    {
        internal KnobDescriptor(ICudnnBackend backend) : base(backend, BackendDescriptorType.KnobChoice) { }

        internal KnobDescriptor(ICudnnBackend backend, KnobChoice choice) : base(backend, BackendDescriptorType.KnobChoice) =>
            Build(() =>
            {
                Set(BackendAttribute.KnobType, BackendAttributeType.KnobType, choice.Type);
                Set(BackendAttribute.KnobValue, BackendAttributeType.Int64, choice.Value);
            });

        internal KnobChoice Read() => new(
            GetOne<int>(BackendAttribute.KnobType, BackendAttributeType.KnobType), GetOne<long>(BackendAttribute.KnobValue, BackendAttributeType.Int64));
    }
}
