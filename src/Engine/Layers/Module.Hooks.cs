namespace Engine.Layers;

/// <content>Hooks: what a program sees of a module's outputs and of their gradients.</content>
public abstract partial class Module
{
    private Action<string, Tensor>? _forwardHooks;
    private Action<string, Tensor>? _backwardHooks;
    private Action<string, string, Tensor>? _branchHooks;

    /// <summary>The ways that this module's input goes at once, such as shortcut and residual; empty where there is only one.</summary>
    public virtual IReadOnlyList<string> Branches => [];

    /// <summary>Whether a hook sees this module's output or its gradient, so that it must not be fused with what follows.</summary>
    public bool IsObserved => _forwardHooks is not null || _backwardHooks is not null;

    /// <summary>Whether a hook sees the gradients of this module's <see cref="Branches"/>.</summary>
    public bool AreBranchesObserved => _branchHooks is not null;

    /// <summary>Lets a hook see each output of <see cref="Forward"/>.</summary>
    /// <param name="hook">Receives this module's path and the output, of which it must copy what it keeps.</param>
    /// <returns>Ends it when disposed.</returns>
    public IDisposable RegisterForwardHook(Action<string, Tensor> hook)
    {
        _forwardHooks += hook;
        return new Registration(() => _forwardHooks -= hook);
    }

    /// <summary>Lets a hook see the complete gradient of the loss with respect to each output of <see cref="Forward"/>, during the backward.</summary>
    /// <param name="hook">Receives this module's path and the gradient, of which it must copy what it keeps.</param>
    /// <returns>Ends it when disposed.</returns>
    public IDisposable RegisterBackwardHook(Action<string, Tensor> hook)
    {
        _backwardHooks += hook;
        return new Registration(() => _backwardHooks -= hook);
    }

    /// <summary>
    /// Of a module with <see cref="Branches"/>: lets a hook see, during the backward, the gradient that comes back to the module's input along each of
    /// them.
    /// </summary>
    /// <param name="hook">Receives this module's path, the branch's name and the gradient, of which it must copy what it keeps.</param>
    /// <returns>Ends it when disposed.</returns>
    public IDisposable RegisterBranchHook(Action<string, string, Tensor> hook)
    {
        _branchHooks += hook;
        return new Registration(() => _branchHooks -= hook);
    }

    /// <summary>Shows an output to this module's hooks. <see cref="Forward"/> does it; a module with other entry points does it itself.</summary>
    protected void Observe(Tensor output)
    {
        _forwardHooks?.Invoke(Path, output);
        if (_backwardHooks is not null && output.NeedsGradient)
        {
            ObserveGradient(output, _backwardHooks);
        }
    }

    /// <summary>
    /// The module's input as one of its <see cref="Branches"/> gets it: the input itself, or, while a hook sees the branches, a view of it, whose
    /// gradient is this branch's share of the input's.
    /// </summary>
    protected Tensor Branch(Tensor input, string name)
    {
        if (_branchHooks is null || !input.Device.Tape.ShouldRecord(input))
        {
            return input;
        }

        Tensor branch = ReshapeOperation.Apply(input, input.Shape);
        ObserveBranch(branch, name, _branchHooks);
        return branch;
    }

    // Methods of their own: a closure is allocated where its variables' scope begins, and nearly no call needs one.
    private void ObserveGradient(Tensor output, Action<string, Tensor> hooks) => output.GradientObserver += gradient => hooks(Path, gradient);

    private void ObserveBranch(Tensor branch, string name, Action<string, string, Tensor> hooks) =>
        branch.GradientObserver += gradient => hooks(Path, name, gradient);

    /// <summary>Takes the hooks on outputs and their gradients away until what is returned is disposed.</summary>
    internal IDisposable SuspendHooks()
    {
        (Action<string, Tensor>? forward, Action<string, Tensor>? backward) = (_forwardHooks, _backwardHooks);
        (_forwardHooks, _backwardHooks) = (null, null);
        return new Registration(() => (_forwardHooks, _backwardHooks) = (forward, backward));
    }

    private sealed class Registration(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose()
        {
            _end?.Invoke();
            _end = null;
        }
    }
}
