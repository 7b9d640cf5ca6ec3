namespace Engine.Verification;

/// <summary>What a primitive may do with a tensor.</summary>
internal enum PairUse
{
    /// <summary>Only read it.</summary>
    Input,

    /// <summary>Write it.</summary>
    Output,
}

/// <summary>
/// The same tensor on the device in question and on the Reference. On the device it stands in the middle of a larger block, whose
/// ends are all ones: numbers read past the tensor's ends are NaN, and writes there are found.
/// </summary>
internal sealed class Pair(string label, Shape shape, DataType? type, double[] values, PairUse use, Accuracy accuracy)
{
    private const int Guard = 256;
    private const byte GuardByte = 0xFF;
    private Tensor? _block, _onDevice, _onReference;
    private byte[] _before = [];
    private long _versionBefore;
    private bool _isWide;

    /// <summary>How a failure names it.</summary>
    public string Label { get; set; } = label;

    /// <summary>Its extents.</summary>
    public Shape Shape => shape;

    /// <summary>What the primitive may do with it.</summary>
    public PairUse Use => use;

    /// <summary>
    /// Makes it a parameter, a statistic or a loss: of the device's floating-point type, where other tensors are activations, which
    /// some devices keep in a narrower one.
    /// </summary>
    public Pair Wide()
    {
        _isWide = true;
        return this;
    }

    /// <summary>Which tolerance applies to it.</summary>
    public Accuracy Accuracy => accuracy;

    /// <summary>The numbers that it starts with.</summary>
    public double[] Values => values;

    /// <summary>The tensor on the device in question.</summary>
    public Tensor OnDevice => _onDevice!;

    /// <summary>The tensor on the Reference device.</summary>
    public Tensor OnReference => _onReference!;

    /// <summary>Makes the tensors and writes the numbers.</summary>
    public void Place(Device device, Device reference)
    {
        if (_onDevice is not null)
        {
            return;
        }

        DataType deviceType = type ?? (_isWide ? device.FloatType : device.ActivationType);
        int bytes = checked((int)(shape.ElementCount * deviceType.Size()));
        byte[] guarded = new byte[bytes + (2 * Guard)];
        Array.Fill(guarded, GuardByte);
        _block = Tensor.From<byte>(device, new Shape(guarded.Length), guarded);

        // The pool does not know this inner block, and leaves it alone when the tensor returns it.
        _onDevice = new Tensor(device, shape, deviceType, new DeviceMemory(_block.WriteAddress() + Guard, bytes), isTapeOwned: false);
        _onDevice.Write<double>(values);
        _onReference = Tensor.From<double>(reference, shape, values, type ?? reference.FloatType);
        device.Synchronize();
        _before = _block.ToArray<byte>();
        _versionBefore = _onDevice.Version;
    }

    /// <summary>The bytes of the whole block on the device, ends included.</summary>
    public byte[] ReadBlock() => _block!.ToArray<byte>();

    /// <summary>Says what was written that should not have been; null when nothing was.</summary>
    public string? FindStrayWrite(ReadOnlySpan<byte> after)
    {
        if (after[..Guard].ContainsAnyExcept(GuardByte))
        {
            return $"{Label}: something was written before its first element";
        }

        if (after[^Guard..].ContainsAnyExcept(GuardByte))
        {
            return $"{Label}: something was written behind its last element";
        }

        return use == PairUse.Input && !after.SequenceEqual(_before) ? $"{Label} was changed" : null;
    }

    /// <summary>
    /// Says whether the device asked for the tensor's address by the wrong member: caches of what it derives from the numbers go by
    /// <see cref="Tensor.Version"/>. Null where it did not.
    /// </summary>
    public string? FindWrongMark(ReadOnlySpan<byte> after) => (use, _onDevice!.Version > _versionBefore) switch
    {
        (PairUse.Output, false) when !after.SequenceEqual(_before) =>
            $"{Label} was written, but not marked as written: its address must come from Tensor.WriteAddress",
        (PairUse.Input, true) => $"{Label} was marked as written, but is only read: its address must come from Tensor.ReadAddress",
        _ => null,
    };

    /// <summary>Returns the memory.</summary>
    public void Release()
    {
        _onDevice?.Dispose();
        _block?.Dispose();
        _onReference?.Dispose();
    }
}
