namespace Engine;

/// <summary>
/// One recorded application of an operation: it knows the tensors that its hand-derived backward needs. A subclass has a static
/// <c>Apply</c> that checks shapes, computes the output and records, and a <see cref="Backward"/> that does the calculus; nothing
/// else is needed to add an operation.
/// </summary>
public abstract class Operation
{
    private Tensor[] _saved = [];

    /// <summary>The operation's name, for errors and traces.</summary>
    public abstract string Name { get; }

    /// <summary>What the operation computed.</summary>
    public Tensor Output { get; private set; } = null!;

    /// <summary>
    /// For an operation with kinks, a tensor that tells on which side of them it was evaluated: which elements are positive (a
    /// ReLU's output), or, of an integer tensor, its values (a maximum's positions). Null for a smooth operation.
    /// A gradient check reads it to keep its differences from straddling a kink. It must be the output, among the saved tensors, or made from them when asked
    /// for.
    /// </summary>
    protected internal virtual Tensor? KinkPattern => null;

    /// <summary>
    /// Whether <see cref="Recompute"/> can compute the output again, to the same bits, from what the backward reads anyway (the saved
    /// tensors, the output itself not among them), and at a small cost. The tape then need not keep an output that only backwards read.
    /// </summary>
    protected internal virtual bool CanRecompute => false;

    /// <summary>
    /// The norm whose result the output is, as long as nobody has computed it: who reads the output may read the norm's input instead and
    /// apply the map on its way. Null where the output holds its values.
    /// </summary>
    internal virtual PendingNorm? Pending => null;

    /// <summary>Whether the backward takes a saved tensor as it is, pending; others are computed for it.</summary>
    internal virtual bool TakesPending(Tensor saved) => false;

    /// <summary>The tensors that the backward reads.</summary>
    internal ReadOnlySpan<Tensor> Saved => _saved;

    /// <summary>The gradient of the loss by <see cref="Output"/>, complete when <see cref="Backward"/> runs.</summary>
    protected Tensor OutputGradient => Output.Gradient!;

    /// <summary>The device that computes.</summary>
    protected Device Device => Output.Device;

    /// <summary>
    /// Adds this application to the tape of the output's device. Call it from <c>Apply</c>, only where
    /// <see cref="Tape.ShouldRecord"/> says so.
    /// </summary>
    /// <param name="output">What was computed.</param>
    /// <param name="saved">Every tensor that <see cref="Backward"/> reads the numbers of; the tape keeps them until then.</param>
    protected void Record(Tensor output, params ReadOnlySpan<Tensor> saved)
    {
        Output = output;
        _saved = saved.ToArray();
        output.Device.Tape.Add(this);
    }

    /// <summary>
    /// Turns <see cref="OutputGradient"/> into the gradients by the inputs: for each input, asks <see cref="Target"/> where its
    /// gradient goes and whether to add.
    /// </summary>
    protected internal abstract void Backward();

    /// <summary>Computes <see cref="Output"/> again into its new memory; called only where <see cref="CanRecompute"/>.</summary>
    protected internal virtual void Recompute() => throw new NotSupportedException($"{Name} cannot compute its output again");

    /// <summary>Where the gradient by an input goes. Ask once for each use of an input, and fill what is returned.</summary>
    protected GradientTarget Target(Tensor? input) => input is null || !input.NeedsGradient ? default : Device.Tape.TargetOf(input);

    /// <summary>
    /// Gives the output's gradient itself to an input that has none yet, instead of a copy: for operations through which the
    /// gradient passes unchanged, or which then change it in place. False where the input needs a buffer of its own.
    /// </summary>
    protected bool TryDonate(Tensor input, out Tensor gradient)
    {
        gradient = OutputGradient;
        if (!input.NeedsGradient || input.RequiresGradient || input.Gradient is not null || input.Type != Output.Type)
        {
            return false;
        }

        if (input.Shape != Output.Shape)
        {
            gradient = gradient.View(input.Shape, isTapeOwned: true);
            Output.DropGradient();
        }

        Output.Gradient = null;
        input.Gradient = gradient;
        return true;
    }

    /// <summary>
    /// Gives a tensor that this operation itself allocated and saved to an input as its gradient, instead of a copy: for forwards
    /// that have the gradient at hand, such as a loss. Nothing else may read the tensor afterwards. False where the input needs a
    /// buffer of its own.
    /// </summary>
    protected static bool TryDonateSaved(Tensor input, Tensor saved)
    {
        if (!input.NeedsGradient || input.RequiresGradient || input.Gradient is not null || input.Type != saved.Type)
        {
            return false;
        }

        input.Gradient = saved.View(input.Shape, isTapeOwned: true);
        return true;
    }

    /// <summary>
    /// Makes an input's own memory its gradient's, for operations whose backward reads each number of the input before it writes
    /// the gradient there. False where the numbers are still needed, or where the input needs a buffer of its own.
    /// </summary>
    protected bool TryOverwrite(Tensor input)
    {
        if (!input.NeedsGradient || input.RequiresGradient || input.Gradient is not null || !input.IsTapeOwned
            || !ReferenceEquals(input.FirstReader, this) || input.Memory.References > 1)
        {
            return false;
        }

        input.Gradient = input.View(input.Shape, isTapeOwned: true);
        return true;
    }

    /// <summary>
    /// Checks that an operation's inputs are on one device and, where they hold real numbers, of one type; a device whose activations
    /// are narrower than its parameters takes those two types together.
    /// </summary>
    /// <param name="name">The operation's name, for the error.</param>
    /// <param name="first">The input that the others are compared with.</param>
    /// <param name="others">The other inputs; null for one that is absent, which is fine.</param>
    /// <exception cref="EngineException">Two of them are on different devices, or of different floating-point types.</exception>
    protected static void CheckTogether(string name, Tensor first, params ReadOnlySpan<Tensor?> others)
    {
        foreach (Tensor? other in others)
        {
            if (other is null)
            {
                continue;
            }

            if (!ReferenceEquals(other.Device, first.Device))
            {
                throw new EngineException($"{name}: {first} and {other} are on different devices; put both on one");
            }

            if (other.Type != first.Type && other.Type.IsFloating() && first.Type.IsFloating() && !AreAtHome(first, other))
            {
                throw new EngineException($"{name}: {first} and {other} hold different types; convert one of them first");
            }
        }
    }

    private static bool AreAtHome(Tensor first, Tensor other) =>
        (first.Type == first.Device.ActivationType && other.Type == first.Device.FloatType)
        || (first.Type == first.Device.FloatType && other.Type == first.Device.ActivationType);
}
