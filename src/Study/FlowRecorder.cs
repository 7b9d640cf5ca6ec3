using Engine.Layers;

namespace Engine.Study;

/// <summary>
/// Measures how activations and gradients flow through a network in single training steps: <see cref="Begin"/> before the forward,
/// <see cref="EndBackward"/> before the optimizer's step, <see cref="End"/> after it. In between, and only then, it observes the
/// modules; the other steps run fused and cost nothing. All is reduced on the device and read once, at the end.
/// </summary>
/// <remarks>An observed step takes fused operations apart, so that its weights may differ from an unobserved one's in the last bits.</remarks>
public sealed class FlowRecorder : IDisposable
{
    private readonly Module _model;
    private readonly List<Probe> _probes = [];
    private readonly List<(string Path, Module Module, Dictionary<string, Tensor> Norms)> _blocks = [];
    private readonly List<Tensor> _owned = [];
    private readonly List<IDisposable> _hooks = [];
    private Probe? _last;
    private bool _isDisposed;

    /// <summary>Prepares the measuring of all convolutions and linear layers that a model has now.</summary>
    /// <param name="model">A model that has been put on a device.</param>
    public FlowRecorder(Module model)
    {
        _model = model;
        List<string> order = [];
        foreach ((string path, Module module) in model.Modules())
        {
            order.Add(path);
            for (int i = 0; i < module.Children.Count; i++)
            {
                if (WeightOf(module.Children[i].Module) is { } weight)
                {
                    AddProbe(path, module, i, weight);
                }
            }

            if (module.Branches.Count > 0)
            {
                _blocks.Add((path, module, module.Branches.ToDictionary(branch => branch, _ => Scalar(model))));
            }
        }

        // A module's layers were found together, before the blocks between them: the classifier behind the first convolution.
        _probes.Sort((a, b) => order.IndexOf(a.Path).CompareTo(order.IndexOf(b.Path)));
    }

    /// <summary>The paths of the layers that are measured, in the order of the state dictionary.</summary>
    public IReadOnlyList<string> Layers => [.. _probes.Select(p => p.Path)];

    /// <summary>The paths of the blocks whose branches are measured.</summary>
    public IReadOnlyList<string> Blocks => [.. _blocks.Select(b => b.Path)];

    /// <summary>Whether a step is being measured.</summary>
    public bool IsMeasuring { get; private set; }

    /// <summary>Begins to observe, before a step's forward.</summary>
    /// <exception cref="EngineException">A step is being measured already.</exception>
    /// <exception cref="ObjectDisposedException">The recorder has been disposed.</exception>
    public void Begin()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(null, "this flow recorder was disposed: make a new one for the model");
        }

        if (IsMeasuring)
        {
            throw new EngineException("a step is being measured already: call End or Cancel first");
        }

        IsMeasuring = true;
        _last = null;
        foreach (Probe probe in _probes)
        {
            probe.Clear();
            _hooks.Add(probe.Response.RegisterForwardHook((_, response) => Respond(probe, response)));
            _hooks.Add(probe.Response.RegisterBackwardHook((_, gradient) => gradient.Device.Reduce(Reduction.Norm, gradient, probe.ActivationGradient)));
        }

        foreach ((_, Module module) in _model.Modules())
        {
            if (module is ReLU)
            {
                _hooks.Add(module.RegisterForwardHook(ObserveRelu));
            }
        }

        foreach ((_, Module module, Dictionary<string, Tensor> norms) in _blocks)
        {
            foreach (Tensor norm in norms.Values)
            {
                norm.Device.Fill(norm, 0);
            }

            _hooks.Add(module.RegisterBranchHook((_, branch, gradient) => gradient.Device.Reduce(Reduction.Norm, gradient, norms[branch])));
        }
    }

    /// <summary>Measures the weights and their gradients, after the backward and before the optimizer's step.</summary>
    public void EndBackward()
    {
        Require();
        Detach();
        foreach (Probe probe in _probes)
        {
            Tensor value = probe.Weight.Value;
            Device device = value.Device;
            if (value.HasGradient)
            {
                device.Reduce(Reduction.Norm, value.Gradient!, probe.WeightGradient);
            }

            device.Reduce(Reduction.Norm, value, probe.WeightNorm);
            probe.Before = Tensor.Create(device, value.Shape, value.Type);
            device.Copy(value, probe.Before);
        }
    }

    /// <summary>Measures what the optimizer's step changed, and reads all measurements.</summary>
    /// <param name="step">The updates of the weights before this step, for the record.</param>
    public FlowSample End(long step)
    {
        Require();
        foreach (Probe probe in _probes)
        {
            Tensor value = probe.Weight.Value;
            if (probe.Before is { } before)
            {
                value.Device.Scale(value, -1, before, accumulate: true);
                value.Device.Reduce(Reduction.Norm, before, probe.Update);
                before.Dispose();
                probe.Before = null;
            }
        }

        List<LayerStatistics> layers = [.. _probes.Select(p => p.Read())];
        List<BranchStatistics> blocks = [.. _blocks.Select(b => new BranchStatistics(
            b.Path, b.Norms.ToDictionary(norm => norm.Key, norm => norm.Value.Item())))];
        Cancel();
        return new FlowSample(step, layers, blocks);
    }

    /// <summary>Stops observing; what was measured of the step is lost. Nothing happens where no step is being measured.</summary>
    public void Cancel()
    {
        Detach();
        foreach (Probe probe in _probes)
        {
            probe.Before?.Dispose();
            probe.Before = null;
        }

        IsMeasuring = false;
    }

    /// <summary>Stops observing and frees the recorder's memory.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        Cancel();
        foreach (Tensor tensor in _owned)
        {
            tensor.Dispose();
        }
    }

    private static Parameter? WeightOf(Module module) => module switch
    {
        Conv2d convolution => convolution.Weight,
        Linear linear => linear.Weight,
        _ => null,
    };

    // A layer's response is its normalization's: of the modules beside it, the next one, if that normalizes.
    private void AddProbe(string parent, Module module, int index, Parameter weight)
    {
        (string name, Module layer) = module.Children[index];
        Module response = index + 1 < module.Children.Count && module.Children[index + 1].Module is Normalization norm ? norm : layer;
        Device device = weight.Value.Device;
        int channels = weight.Shape[0];
        Tensor counts = Own(Tensor.Create(device, new Shape(channels), device.FloatType));
        _probes.Add(new Probe(
            parent.Length == 0 ? name : $"{parent}.{name}", weight, response, counts, Scalar(_model), Scalar(_model), Scalar(_model), Scalar(_model),
            Scalar(_model)));
    }

    private Tensor Scalar(Module model)
    {
        Device device = model.Parameters.First().Parameter.Value.Device;
        return Own(Tensor.Create(device, Shape.Scalar, device.FloatType));
    }

    private Tensor Own(Tensor tensor)
    {
        _owned.Add(tensor);
        return tensor;
    }

    private void Respond(Probe probe, Tensor response)
    {
        response.Device.Reduce(Reduction.Variance, response, probe.Variance);
        _last = probe;
    }

    // A ReLU's output belongs to the layer that responded last. Ones where it is positive, summed by channel, tell both shares.
    private void ObserveRelu(string path, Tensor output)
    {
        if (_last is { } probe && output.Shape.Last == probe.ActiveCounts.Shape.Last)
        {
            Device device = output.Device;
            using Tensor mask = Tensor.Create(device, output.Shape, output.Type);
            device.Fill(mask, 1);
            device.ReluBackward(mask, output, mask);
            device.BiasBackward(mask, probe.ActiveCounts);
            probe.ReluPixels = output.Shape.ElementCount / output.Shape.Last;
        }

        _last = null;
    }

    private void Detach()
    {
        _hooks.ForEach(hook => hook.Dispose());
        _hooks.Clear();
    }

    private void Require()
    {
        if (!IsMeasuring)
        {
            throw new EngineException("no step is being measured: call Begin before its forward");
        }
    }

    // One layer's measurements, on the device until they are read.
    private sealed class Probe(
        string path, Parameter weight, Module response, Tensor activeCounts, Tensor variance, Tensor activationGradient, Tensor weightGradient,
        Tensor weightNorm, Tensor update)
    {
        public string Path { get; } = path;

        public Parameter Weight { get; } = weight;

        public Module Response { get; } = response;

        public Tensor ActiveCounts { get; } = activeCounts;

        public Tensor Variance { get; } = variance;

        public Tensor ActivationGradient { get; } = activationGradient;

        public Tensor WeightGradient { get; } = weightGradient;

        public Tensor WeightNorm { get; } = weightNorm;

        public Tensor Update { get; } = update;

        /// <summary>A copy of the weights before the optimizer's step.</summary>
        public Tensor? Before { get; set; }

        /// <summary>Elements of each channel of the ReLU behind the layer; 0 where none was seen.</summary>
        public long ReluPixels { get; set; }

        // A layer that no forward or no backward reaches counts as silent.
        public void Clear()
        {
            ReluPixels = 0;
            foreach (Tensor tensor in (ReadOnlySpan<Tensor>)[Variance, ActivationGradient, WeightGradient, WeightNorm, Update])
            {
                tensor.Device.Fill(tensor, 0);
            }
        }

        public LayerStatistics Read()
        {
            double? inactive = null, dead = null;
            if (ReluPixels > 0)
            {
                double[] counts = ActiveCounts.ToArray<double>();
                inactive = 1 - (counts.Sum() / ((double)ReluPixels * counts.Length));
                dead = (double)counts.Count(count => count == 0) / counts.Length;
            }

            double norm = WeightNorm.Item();
            return new LayerStatistics(
                Path, WeightGradient.Item(), ActivationGradient.Item(), Math.Sqrt(Variance.Item()), norm, norm == 0 ? 0 : Update.Item() / norm, inactive, dead);
        }
    }
}
