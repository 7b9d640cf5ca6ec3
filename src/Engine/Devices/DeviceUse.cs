namespace Engine;

/// <summary>A stretch of code for which a device is the calling thread's (<see cref="Device.Use"/>).</summary>
public readonly ref struct DeviceUse
{
    private readonly DeviceGate? _gate;
    private readonly bool _isPrimitive;

    internal DeviceUse(DeviceGate gate, bool isPrimitive) => (_gate, _isPrimitive) = (gate, isPrimitive);

    /// <summary>Lets other threads use the device again.</summary>
    public void Dispose() => _gate?.Exit(_isPrimitive);
}
