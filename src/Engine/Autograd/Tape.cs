namespace Engine;

/// <summary>
/// The order in which operations ran on a device, and the owner of what they made. Running it backwards calls each operation's
/// hand-derived backward, last first, and returns every tensor to the device's pool as soon as no earlier operation needs it. Modules
/// return tensors even earlier, during the forward (<see cref="ReleaseEarly"/>): those that no backward reads, and those that can be
/// computed again for the backward which does (<see cref="Operation.CanRecompute"/>).
/// </summary>
public sealed partial class Tape
{
    private readonly Device _device;
    private readonly List<Operation> _operations = [];
    private readonly List<Tensor> _owned = [];

    /// <summary>The leaves whose gradients the backward pass in progress has written.</summary>
    private readonly List<Tensor> _leaves = [];
    private Tensor? _lastLoss;

    internal Tape(Device device) => _device = device;

    /// <summary>Whether operations are recorded now: not inside <see cref="Device.NoGradient"/>.</summary>
    public bool IsRecording => _noGradientDepth == 0;

    /// <summary>How many operations are recorded.</summary>
    public int Count => _operations.Count;

    internal IReadOnlyList<Operation> Operations => _operations;

    /// <summary>Whether <see cref="ReleaseEarly"/> does anything; a gradient check looks at every output after the forward.</summary>
    internal bool ReleasesEarly { get; set; } = true;

    /// <summary>Makes a tensor of unspecified content that the tape owns: an operation's output, or what its backward saves.</summary>
    /// <exception cref="EngineException">The device has no memory left, or another thread is using it.</exception>
    /// <exception cref="ObjectDisposedException">The device has been disposed.</exception>
    public Tensor Allocate(Shape shape, DataType type)
    {
        using DeviceUse use = _device.Use();
        return Own(Reused(shape, type, origin: null)
            ?? Remember(new Tensor(_device, shape, type, _device.Memory.Rent(shape.ElementCount * type.Size()), isTapeOwned: true)));
    }

    /// <summary>Makes a tensor that the tape owns and that has no memory until somebody asks for its values: an output that stays pending.</summary>
    internal Tensor AllocatePending(Shape shape, DataType type) => Own(new Tensor(_device, shape, type));

    /// <summary>Makes a tensor that the tape owns, of another shape on the memory of <paramref name="source"/>.</summary>
    public Tensor AllocateView(Tensor source, Shape shape)
    {
        using DeviceUse use = _device.Use();
        return Own(Reused(shape, source.Type, source) ?? Remember(source.View(shape, isTapeOwned: true)));
    }

    /// <summary>Whether an operation on these inputs has to be recorded: recording is on and one of them needs a gradient.</summary>
    public bool ShouldRecord(params ReadOnlySpan<Tensor?> inputs)
    {
        if (!IsRecording)
        {
            return false;
        }

        foreach (Tensor? input in inputs)
        {
            if (input is { NeedsGradient: true })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Runs backwards from the loss and then forgets and releases all that was recorded; only the loss keeps its number, until
    /// the next backward.
    /// </summary>
    /// <param name="loss">A tensor that recorded operations made.</param>
    /// <param name="seed">The gradient to start from, of the loss' shape; ones where null, which needs a loss of one element.</param>
    /// <exception cref="EngineException">The loss depends on nothing that requires a gradient, or is on another device.</exception>
    /// <exception cref="ShapeException">The loss has more than one element and no seed is given, or the seed's shape differs.</exception>
    public void Backward(Tensor loss, Tensor? seed = null)
    {
        using DeviceUse use = _device.Use();
        CheckLoss(loss, seed);
        Retain(loss);
        Interlocked.Increment(ref _noGradientDepth);
        try
        {
            loss.Gradient = new Tensor(_device, loss.Shape, loss.Type, _device.Memory.Rent(loss.ByteCount), isTapeOwned: true);
            if (seed is null)
            {
                _device.Fill(loss.Gradient, 1);
            }
            else
            {
                _device.Copy(seed, loss.Gradient);
            }

            for (int i = _operations.Count - 1; i >= 0; i--)
            {
                Step(_operations[i], loss);
            }
        }
        catch
        {
            // Half of a gradient is none: the next backward must not add to it.
            foreach (Tensor leaf in _leaves)
            {
                leaf.ZeroGradient();
            }

            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _noGradientDepth);
            _leaves.Clear();
            Clear();
        }
    }

    /// <summary>Forgets and releases all that was recorded without running it: for a forward pass that turns out not to be wanted.</summary>
    public void Clear()
    {
        using DeviceUse use = _device.Use();
        foreach (Operation operation in _operations)
        {
            operation.Output.DropGradient();
            operation.Output.Producer = null;
            foreach (Tensor saved in operation.Saved)
            {
                (saved.FirstReader, saved.FirstConsumer) = (null, null);
            }
        }

        _operations.Clear();
        _unreleasedMark = int.MaxValue;
        ReleaseOwnedSince(0, except: null);
    }

    internal void Add(Operation operation)
    {
        using DeviceUse use = _device.Use();
        operation.Output.Producer = operation;
        foreach (Tensor saved in operation.Saved)
        {
            saved.FirstReader ??= operation;
            if (!ReferenceEquals(saved, operation.Output))
            {
                saved.FirstConsumer ??= operation;
            }
        }

        _operations.Add(operation);
    }

    /// <summary>The bytes of all tensors that the tape holds now, memory that several of them share counted once.</summary>
    internal long OwnedBytes()
    {
        HashSet<DeviceMemory> counted = [];
        return _owned.Where(tensor => !tensor.IsReleased && !tensor.IsPending && counted.Add(tensor.Memory)).Sum(tensor => tensor.ByteCount);
    }

    /// <summary>A point in the order of tensors made, for <see cref="ReleaseOwnedSince"/>.</summary>
    internal int Mark() => _owned.Count;

    /// <summary>Whether a tensor was made by operations since a mark.</summary>
    internal bool IsOwnedSince(int mark, Tensor tensor)
    {
        for (int i = mark; i < _owned.Count; i++)
        {
            if (ReferenceEquals(_owned[i], tensor))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Releases the tensors made since a mark, all but one (or what shares its memory): the end of a scope without gradients.</summary>
    internal void ReleaseOwnedSince(int mark, Tensor? except)
    {
        using DeviceUse use = _device.Use();

        // A backward inside the scope has released everything already.
        mark = Math.Min(mark, _owned.Count);
        bool kept = false;
        for (int i = _owned.Count - 1; i >= mark; i--)
        {
            Tensor tensor = _owned[i];
            if (ReferenceEquals(tensor, except))
            {
                kept = true;
            }
            else if (tensor.IsTapeOwned && !ReferenceEquals(tensor, _lastLoss))
            {
                Release(tensor);
            }
        }

        _owned.RemoveRange(mark, _owned.Count - mark);
        if (kept)
        {
            _owned.Add(except!);
        }
    }

    /// <summary>
    /// Releases the numbers of one tensor that the tape owns before its scope ends, such as the input of the next layer in a chain,
    /// unless a recorded operation needs them for its backward and they cannot be computed again for it.
    /// </summary>
    internal void ReleaseEarly(Tensor tensor)
    {
        using DeviceUse use = _device.Use();
        if (!tensor.IsTapeOwned || !ReleasesEarly || tensor.IsReleased || tensor.IsPending)
        {
            return;
        }

        if (tensor.FirstReader is not null)
        {
            if (tensor.Producer is { CanRecompute: true } && tensor.Memory.References == 1 && !_device.KeepsOutputs)
            {
                tensor.ReleaseMemory();
            }
        }
        else if (tensor.Producer is null)
        {
            Release(tensor);
        }
        else
        {
            ReleaseData(tensor);
        }
    }

    internal GradientTarget TargetOf(Tensor input)
    {
        if (input.RequiresGradient)
        {
            bool holdsOne = input.Gradient is not null && !input.IsGradientStale;
            input.Gradient ??= Tensor.Create(_device, input.Shape, input.Type);
            input.IsGradientStale = false;
            _leaves.Add(input);
            return new GradientTarget(input.Gradient, holdsOne);
        }

        if (input.Gradient is { } gradient)
        {
            return new GradientTarget(gradient, Accumulate: true);
        }

        input.Gradient = new Tensor(_device, input.Shape, input.Type, _device.Memory.Rent(input.ByteCount), isTapeOwned: true);
        return new GradientTarget(input.Gradient, Accumulate: false);
    }

    private static void Release(Tensor tensor)
    {
        if (!tensor.IsTapeOwned)
        {
            return;
        }

        tensor.DropGradient();
        tensor.Producer = null;
        (tensor.FirstReader, tensor.FirstConsumer) = (null, null);
        tensor.ReleaseMemory();
    }

    private static void Step(Operation operation, Tensor loss)
    {
        Tensor output = operation.Output;
        if (output.Gradient is not null)
        {
            output.GradientObserver?.Invoke(output.Gradient);
            foreach (Tensor saved in operation.Saved)
            {
                if (!saved.IsPending || !operation.TakesPending(saved))
                {
                    Recompute(saved);
                }
            }

            operation.Backward();
            output.DropGradient();
        }

        // What this operation was the first to read, it is the last to need. Producers release what nobody read.
        foreach (Tensor saved in operation.Saved)
        {
            if (ReferenceEquals(saved.FirstReader, operation) && !ReferenceEquals(saved, loss))
            {
                ReleaseData(saved);
            }
        }

        if (output.FirstReader is null && !ReferenceEquals(output, loss))
        {
            ReleaseData(output);
        }
    }

    // Computes a tensor again that was released early although a backward reads it, from what its producer has saved: which is there,
    // or is restored first.
    private static void Recompute(Tensor tensor)
    {
        if (!(tensor.IsReleased || tensor.IsPending) || !tensor.IsTapeOwned || tensor.Producer is not { CanRecompute: true } producer)
        {
            return;
        }

        foreach (Tensor saved in producer.Saved)
        {
            if (!ReferenceEquals(saved, tensor))
            {
                Recompute(saved);
            }
        }

        tensor.Renew();
        producer.Recompute();
    }

    // The gradient is not dropped here: a tensor's first reader runs before its producer, which still needs the gradient.
    private static void ReleaseData(Tensor tensor)
    {
        (tensor.FirstReader, tensor.FirstConsumer) = (null, null);
        if (tensor.IsTapeOwned)
        {
            tensor.ReleaseMemory();
        }
    }

    private Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor);
        return tensor;
    }

    private void Retain(Tensor loss)
    {
        if (_lastLoss is { } last && !ReferenceEquals(last, loss))
        {
            _lastLoss = null;
            if (last.IsTapeOwned)
            {
                last.ReleaseMemory();
            }
        }

        _lastLoss = loss;
    }

    private void CheckLoss(Tensor loss, Tensor? seed)
    {
        if (!ReferenceEquals(loss.Device, _device))
        {
            throw new EngineException($"backward: {loss} is not on {_device.Name}, whose tape was asked: ask the tape of the loss' own device");
        }

        if (loss.Producer is null)
        {
            throw new EngineException(
                $"backward: {loss} was not made by recorded operations on anything that requires a gradient; is this inside NoGradient, are all parameters "
                    + "frozen, or has a backward already run?");
        }

        if (seed is null && loss.Shape.ElementCount != 1)
        {
            throw new ShapeException($"backward: the loss has shape {loss.Shape}; only a loss of one element can go without a seed gradient");
        }

        if (seed is not null && seed.Shape != loss.Shape)
        {
            throw new ShapeException($"backward: the seed gradient {seed.Shape} must have the loss' shape {loss.Shape}");
        }
    }
}
