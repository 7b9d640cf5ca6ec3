using System.Buffers.Binary;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Optimizers;

/// <summary>
/// Updates parameters from their gradients. A subclass says what it keeps for each parameter (<see cref="StateNames"/>) and how it updates
/// (<see cref="Update"/>); groups, learning rate, freezing, saving and resuming are here.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private const string StepsName = "steps";
    private readonly OptimizedParameter[] _parameters;
    private readonly List<OptimizedParameter> _ready = [];
    private double _learningRate;
    private bool _isDisposed;

    /// <summary>Makes an optimizer for groups of parameters.</summary>
    /// <param name="groups">The groups; a module that stands under two names within a group is trained once.</param>
    /// <param name="learningRate">The step's length, 0 or more.</param>
    /// <param name="weightDecay">The factor for groups that do not have their own, 0 or more.</param>
    /// <param name="stateNames">What the optimizer keeps for each parameter, such as velocity; see <see cref="StateNames"/>.</param>
    /// <exception cref="EngineException">A figure is out of its range, two parameters have one name, or a parameter is in two groups.</exception>
    protected Optimizer(IEnumerable<ParameterGroup> groups, double learningRate, double weightDecay = 0, params IReadOnlyList<string> stateNames)
    {
        CheckFigure("weight decay", weightDecay);
        StateNames = stateNames;
        LearningRate = learningRate;
        WeightDecay = weightDecay;
        Groups = [.. groups];
        List<OptimizedParameter> all = [];
        foreach (ParameterGroup group in Groups)
        {
            CheckFigure("weight decay", group.WeightDecay ?? 0);
            CheckFigure("learning rate factor", group.RateFactor);
            all.AddRange(group.Parameters.DistinctBy(p => p.Parameter).Select(
                p => new OptimizedParameter(p.Name, p.Parameter, group.WeightDecay ?? weightDecay, group.RateFactor, stateNames)));
        }

        _parameters = [.. all];
        if (_parameters.CountBy(p => p.Name).FirstOrDefault(c => c.Value > 1).Key is { } name)
        {
            throw new EngineException(
                $"two of the optimizer's parameters are called '{name}': put each parameter into one group only, and use an optimizer for each model");
        }

        if (_parameters.DistinctBy(p => p.Parameter).Count() < _parameters.Length)
        {
            throw new EngineException("a parameter is in two of the optimizer's groups: put each into one group only");
        }
    }

    /// <summary>The groups, as they were given.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>All parameters, in the order of the groups.</summary>
    public IReadOnlyList<OptimizedParameter> Parameters => _parameters;

    /// <summary>What the optimizer keeps for each parameter, a tensor of the parameter's shape under each name, such as velocity.</summary>
    public IReadOnlyList<string> StateNames { get; }

    /// <summary>Factor of the weight decay for groups that do not have their own.</summary>
    public double WeightDecay { get; }

    /// <summary>The length of the next step, 0 or more.</summary>
    /// <exception cref="EngineException">It is negative or not a number.</exception>
    public double LearningRate
    {
        get => _learningRate;
        set
        {
            CheckFigure("learning rate", value);
            _learningRate = value;
        }
    }

    /// <summary>Whether <see cref="Update"/> can be recorded and replayed: all that changes from step to step is written by <see cref="Prepare"/>.</summary>
    public virtual bool CanRecord => false;

    /// <summary>The states that exist, each named by its kind and its parameter: velocity.conv1.weight. A checkpoint saves them.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State => States().Select(state => (state.Name, state.Tensor));

    /// <summary>Whether the number of steps matters to the update, so that it is saved.</summary>
    protected virtual bool CountsSteps => false;

    /// <summary>Updates every parameter that has a gradient and is not frozen, and forgets the gradients.</summary>
    /// <exception cref="ObjectDisposedException">The optimizer, the model or the device has been disposed.</exception>
    public void Step()
    {
        ThrowIfDisposed();
        _ready.Clear();
        foreach (OptimizedParameter parameter in _parameters)
        {
            Tensor value = parameter.Value;
            if (value.RequiresGradient && value.HasGradient)
            {
                _ready.Add(parameter);
            }
        }

        if (_ready.Count > 0)
        {
            if (!_ready[0].Value.Device.IsRecordingStep)
            {
                Advance();
            }

            Update(_ready);
        }

        ZeroGradients();
    }

    /// <summary>
    /// Call this before each replay of a recorded step (<see cref="IRecordedStep"/>) that contains <see cref="Step"/>: writes the step's figures.
    /// </summary>
    /// <exception cref="EngineException">The optimizer cannot be recorded.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the device has been disposed.</exception>
    public void PrepareReplay()
    {
        ThrowIfDisposed();
        if (!CanRecord)
        {
            throw new EngineException($"{GetType().Name} cannot be part of a recorded step: run its steps one by one");
        }

        Advance();
    }

    /// <summary>Forgets the gradients; the next backward overwrites them.</summary>
    public void ZeroGradients()
    {
        ThrowIfDisposed();
        foreach (OptimizedParameter parameter in _parameters)
        {
            parameter.Value.ZeroGradient();
        }
    }

    /// <summary>What <see cref="Load"/> needs, as entries of a file.</summary>
    /// <param name="prefix">What stands before each name.</param>
    /// <exception cref="ObjectDisposedException">The optimizer has been disposed.</exception>
    public List<StoredTensor> Contents(string prefix = "")
    {
        ThrowIfDisposed();
        List<StoredTensor> contents = [.. States().Select(state => StateDictionary.Content(prefix + state.Name, state.Tensor, state.Order))];
        if (CountsSteps)
        {
            contents.Add(new StoredTensor(prefix + StepsName, StoredType.I64, [_parameters.Length], WriteSteps));
        }

        return contents;
    }

    /// <summary>Replaces all states by those of a file; a parameter without one there starts from zero.</summary>
    /// <exception cref="EngineException">The file has a state of an unknown parameter or of another shape; nothing has changed then.</exception>
    public void Load(TensorFile file, string prefix = "") => ReadState(file, prefix)();

    /// <summary>Frees the states; the model stays. A second call does nothing.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        Dispose(isDisposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a subclass holds; overrides call the base.</summary>
    protected virtual void Dispose(bool isDisposing)
    {
        foreach (OptimizedParameter parameter in _parameters)
        {
            parameter.ReleaseStates();
        }
    }

    /// <summary>Checks a figure.</summary>
    /// <exception cref="EngineException">It is negative, infinite or not a number.</exception>
    protected static void CheckFigure(string name, double value)
    {
        if (!(value >= 0) || double.IsInfinity(value))
        {
            throw new EngineException($"{name} {value} is not a number of 0 or more");
        }
    }

    /// <summary>
    /// Before each step, replays included: writes to the device what changes from step to step, as a rule by <see cref="StepSettings"/>.
    /// </summary>
    /// <param name="parameters">What is about to be updated.</param>
    protected virtual void Prepare(IReadOnlyList<OptimizedParameter> parameters) { }

    /// <summary>Updates the values and states of parameters, by calls of the device alone, which may be recorded and replayed.</summary>
    /// <param name="parameters">What to update: all that have a gradient and are not frozen.</param>
    protected abstract void Update(IReadOnlyList<OptimizedParameter> parameters);

    /// <summary>Checks and reads a file's states; what is returned puts them in place.</summary>
    internal Action ReadState(TensorFile file, string prefix)
    {
        ThrowIfDisposed();

        // The parameters stand in for states that need not exist yet: their names and shapes are the same.
        List<NamedTensor> parameters = [.. _parameters.Select(p => new NamedTensor(p.Name, p.Value, p.Parameter.Order))];
        PendingState[] states = [.. StateNames.Select(name => StateDictionary.Read(parameters, file, $"{prefix}{name}.", mayMiss: true))];
        long[]? steps = CountsSteps ? ReadSteps(file, prefix + StepsName) : null;
        return () =>
        {
            Dictionary<string, OptimizedParameter> named = _parameters.ToDictionary(p => p.Name);
            for (int i = 0; i < _parameters.Length; i++)
            {
                _parameters[i].ReleaseStates();
                _parameters[i].Steps = steps?[i] ?? 0;
            }

            for (int i = 0; i < states.Length; i++)
            {
                int index = i;
                states[i].Apply(name => named[name].State(index));
            }
        };
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this optimizer was disposed: make a new one for the model, or dispose it after its last step");
        }
    }

    private IEnumerable<(string Name, Tensor Tensor, Shape Order)> States() =>
        from index in Enumerable.Range(0, StateNames.Count)
        from parameter in _parameters
        let tensor = parameter.FindState(index)
        where tensor is not null
        select ($"{StateNames[index]}.{parameter.Name}", tensor, parameter.Parameter.Order);

    private void Advance()
    {
        foreach (OptimizedParameter parameter in _ready)
        {
            parameter.Steps++;
        }

        Prepare(_ready);
    }

    private byte[] WriteSteps()
    {
        byte[] bytes = new byte[_parameters.Length * sizeof(long)];
        for (int i = 0; i < _parameters.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), _parameters[i].Steps);
        }

        return bytes;
    }

    private long[] ReadSteps(TensorFile file, string name)
    {
        if (file.Entries.FirstOrDefault(e => e.Name == name) is not { } entry || entry.Type != StoredType.I64 || entry.ElementCount != _parameters.Length)
        {
            throw new EngineException(
                $"'{file.Path}' has no '{name}' with the numbers of steps of {_parameters.Length} parameters: it was saved by another optimizer");
        }

        long[] steps = new long[_parameters.Length];
        using ByteWindow window = file.Map(entry, 0, steps.Length);
        for (int i = 0; i < steps.Length; i++)
        {
            steps[i] = BinaryPrimitives.ReadInt64LittleEndian(window.Span[(i * sizeof(long))..]);
        }

        return steps;
    }
}
