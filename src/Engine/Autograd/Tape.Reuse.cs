namespace Engine;

/// <content>Passes that are made again and again without gradients, such as a saved model's: their tensors' objects serve the next pass.</content>
public partial class Tape
{
    // In the order in which a pass makes them; null where every pass makes its own.
    private List<Tensor>? _reused;
    private int _nextReused;

    /// <summary>
    /// From now on, the objects of tensors that a pass made serve the next pass, which leaves the garbage collector nothing to do. For whoever makes the
    /// passes itself and hands none of their tensors out: one that is looked at after its pass would show another's numbers, not an error.
    /// </summary>
    internal void ReuseTensors() => _reused ??= [];

    // The object that had this place in the pass before, if it is of the same kind. Places are counted from the end of the outermost scope.
    private Tensor? Reused(Shape shape, DataType type, Tensor? origin)
    {
        if (_reused is null || _nextReused >= _reused.Count)
        {
            return null;
        }

        Tensor before = _reused[_nextReused];
        if (!before.IsReusable || before.Shape != shape || before.Type != type)
        {
            return null;
        }

        _nextReused++;
        before.Reuse(origin);
        return before;
    }

    // Whatever comes after it in the pass has to find its place again.
    private Tensor Remember(Tensor tensor)
    {
        if (_reused is not null)
        {
            _reused.RemoveRange(_nextReused, _reused.Count - _nextReused);
            _reused.Add(tensor);
            _nextReused++;
        }

        return tensor;
    }
}
