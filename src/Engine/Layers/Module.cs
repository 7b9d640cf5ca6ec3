using System.Text;

namespace Engine.Layers;

/// <summary>
/// A layer or a whole network: named parameters, buffers and child modules, and a <see cref="Forward"/> that maps a tensor to a
/// tensor. Names are torchvision's, so that state dictionaries pass both ways.
/// </summary>
/// <remarks>
/// Disposing a module frees its parameters, buffers and gradients, and those of all modules inside it. A module that the program forgets
/// without disposing it gives its memory back as well, but only once the garbage collector has run and its device is used again.
/// </remarks>
public abstract partial class Module : IDisposable
{
    private readonly List<Parameter> _parameters = [];
    private readonly List<(string Name, Module Module)> _children = [];

    /// <summary>The path from the root module, such as layer1.0.conv1; empty for the root itself.</summary>
    public string Path { get; private set; } = "";

    /// <summary>Whether the module behaves as in training (batch statistics) or as in evaluation (running statistics).</summary>
    public bool IsTraining { get; private set; } = true;

    /// <summary>The modules directly inside this one, by name, in the order in which they were made.</summary>
    public IReadOnlyList<(string Name, Module Module)> Children => _children;

    /// <summary>The type name that PyTorch prints.</summary>
    protected virtual string TypeName => GetType().Name;

    /// <summary>What PyTorch prints in the parentheses behind a leaf's type.</summary>
    protected virtual string Summary => "";

    /// <summary>
    /// Maps an input to an output. Without gradients, everything that was made on the way is released before it returns, but for
    /// the output.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The module, the input or the device has been disposed.</exception>
    /// <exception cref="EngineException">Another thread is using the device.</exception>
    public Tensor Forward(Tensor input)
    {
        ThrowIfDisposed();
        using DeviceUse use = input.Device.Use();
        Tape tape = input.Device.Tape;
        int mark = tape.Mark();
        Tensor output = ForwardCore(input);
        Observe(output);
        if (!output.NeedsGradient)
        {
            tape.ReleaseOwnedSince(mark, except: output);
        }

        return output;
    }

    /// <summary>The module's mathematics, by operations and by calls of the child modules.</summary>
    protected abstract Tensor ForwardCore(Tensor input);

    /// <summary>Of a module that counts its training passes on the host: counts replays too.</summary>
    protected virtual void CountReplaysCore(int count) { }

    /// <summary>Of a module that is random: sets where it stands in its stream.</summary>
    protected virtual void SeedCore(long seed, long calls) { }

    /// <summary>All parameters (not buffers) with their full names, this module's first, then each child's.</summary>
    public IReadOnlyList<(string Name, Parameter Parameter)> Parameters => [.. Named().Where(n => !n.Parameter.IsBuffer)];

    /// <summary>All buffers with their full names.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> NamedBuffers() => Named().Where(n => n.Parameter.IsBuffer);

    /// <summary>All parameters and buffers with their full names, in torchvision's order of a state dictionary.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> Named() => Named("");

    /// <summary>This module and all inside it, outermost first, with paths relative to this one.</summary>
    public IEnumerable<(string Name, Module Module)> Modules() => Modules("");

    /// <summary>
    /// Puts all parameters and buffers on a device. The first time draws them: each from a stream of its own, which depends only
    /// on the seed and the parameter's name. Later times move what is there.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The module or the device has been disposed.</exception>
    public Module To(Device device, long seed = 0)
    {
        ThrowIfDisposed();
        SetPaths();
        foreach ((string name, Parameter parameter) in Named())
        {
            parameter.To(device, new RandomSource(seed, RandomSource.SeedOf(name)));
        }

        return this;
    }

    /// <summary>Switches the module and all inside it to training or, with false, to evaluation.</summary>
    public Module Train(bool isTraining = true)
    {
        foreach ((_, Module module) in Modules())
        {
            module.IsTraining = isTraining;
        }

        return this;
    }

    /// <summary>
    /// Counts training passes that this module and those inside it have not been called for: replays of a step that a device has recorded as a
    /// whole. What is counted on the host follows (<see cref="CountReplaysCore"/>).
    /// </summary>
    public void CountReplays(int count)
    {
        foreach ((_, Module module) in Modules())
        {
            module.CountReplaysCore(count);
        }
    }

    /// <summary>
    /// Sets where this module and those inside it stand in their streams of random numbers (<see cref="SeedCore"/>). A trainer does it at each
    /// step, so that what is random, such as dropout's masks, depends on the step alone, not on what ran before it.
    /// </summary>
    /// <param name="seed">The run's random seed.</param>
    /// <param name="calls">Training passes before the next one.</param>
    public void Seed(long seed, long calls)
    {
        foreach ((_, Module module) in Modules())
        {
            module.SeedCore(seed, calls);
        }
    }

    /// <summary>Switches the module and all inside it to evaluation.</summary>
    public Module Eval() => Train(isTraining: false);

    /// <summary>
    /// Freezes all parameters: no gradient is computed for them, and the optimizer leaves them alone. Batch norms then use their running
    /// statistics, also in training, and leave them as they are.
    /// </summary>
    public Module Freeze() => SetFrozen(true);

    /// <summary>Thaws all parameters.</summary>
    public Module Unfreeze() => SetFrozen(false);

    /// <summary>Forgets the gradients of all parameters; their buffers are kept.</summary>
    public void ZeroGradients()
    {
        foreach ((_, Parameter parameter) in Parameters)
        {
            parameter.Value.ZeroGradient();
        }
    }

    /// <summary>The number of trainable numbers: parameters, not buffers.</summary>
    public long ParameterCount => Parameters.DistinctBy(p => p.Parameter).Sum(p => p.Parameter.Shape.ElementCount);

    /// <summary>The tree of modules, as PyTorch prints it.</summary>
    public override string ToString() => Describe(0);

    /// <summary>Makes a trainable parameter of this module.</summary>
    protected Parameter AddParameter(string name, Shape shape, Initialization initialization) => AddParameter(name, shape, initialization, shape);

    /// <summary>Makes a trainable parameter whose numbers files have in the order of another shape.</summary>
    private protected Parameter AddParameter(string name, Shape shape, Initialization initialization, Shape order)
    {
        Parameter parameter = new(name, shape, initialization, isBuffer: false, type: null) { Order = order };
        _parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Makes a buffer of this module: saved with it, but neither given a gradient nor trained.</summary>
    protected Parameter AddBuffer(string name, Shape shape, Initialization initialization, DataType? type = null)
    {
        Parameter buffer = new(name, shape, initialization, isBuffer: true, type);
        _parameters.Add(buffer);
        return buffer;
    }

    /// <summary>Puts a module inside this one, under a name; one that stands there is replaced.</summary>
    protected T AddChild<T>(string name, T module) where T : Module
    {
        int index = _children.FindIndex(c => c.Name == name);
        if (index < 0)
        {
            _children.Add((name, module));
        }
        else
        {
            _children[index] = (name, module);
        }

        return module;
    }

    /// <summary>
    /// Tells that nothing of this pass reads <paramref name="consumed"/> any more, now that <paramref name="result"/> is made of it:
    /// where no recorded operation needs it for the backward, its memory returns to the pool at once. For tensors that this module
    /// made itself, never for the input of its <see cref="Forward"/>, which belongs to the caller.
    /// </summary>
    /// <returns><paramref name="result"/>.</returns>
    protected static Tensor Donate(Tensor consumed, Tensor result)
    {
        if (!ReferenceEquals(consumed, result))
        {
            consumed.Device.Tape.ReleaseEarly(consumed);
        }

        return result;
    }

    private IEnumerable<(string Name, Parameter Parameter)> Named(string prefix)
    {
        foreach (Parameter parameter in _parameters)
        {
            yield return (prefix + parameter.Name, parameter);
        }

        foreach ((string name, Module child) in _children)
        {
            foreach ((string, Parameter) named in child.Named($"{prefix}{name}."))
            {
                yield return named;
            }
        }
    }

    private IEnumerable<(string Name, Module Module)> Modules(string path)
    {
        yield return (path, this);
        foreach ((string name, Module child) in _children)
        {
            foreach ((string, Module) module in child.Modules(path.Length == 0 ? name : $"{path}.{name}"))
            {
                yield return module;
            }
        }
    }

    /// <summary>The type name that PyTorch prints, for tables of layers.</summary>
    internal string Kind => TypeName;

    /// <summary>Switches this module alone.</summary>
    internal void SetTraining(bool isTraining) => IsTraining = isTraining;

    /// <summary>Gives every module inside this one its path from here; <see cref="To"/> does it.</summary>
    internal void SetPaths()
    {
        foreach ((string path, Module module) in Modules())
        {
            module.Path = path;
        }
    }

    private Module SetFrozen(bool isFrozen)
    {
        foreach ((_, Parameter parameter) in Parameters)
        {
            parameter.IsFrozen = isFrozen;
        }

        return this;
    }

    private string Describe(int indent)
    {
        if (_children.Count == 0)
        {
            return $"{TypeName}({Summary})";
        }

        string margin = new(' ', indent + 2);
        StringBuilder text = new($"{TypeName}(\n");
        foreach ((string name, Module child) in _children)
        {
            text.Append($"{margin}({name}): {child.Describe(indent + 2)}\n");
        }

        return text.Append(new string(' ', indent)).Append(')').ToString();
    }
}
