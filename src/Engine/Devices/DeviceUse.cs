namespace Engine;

/// <summary>A stretch of code for which a device is the calling thread's (<see cref="Device.Use"/>).</summary>
public readonly ref struct DeviceUse
{
    private readonly DeviceGate? _gate;
    private readonly bool _isPrimitive;
    private readonly Device? _profiled;

    internal DeviceUse(DeviceGate gate, bool isPrimitive) => (_gate, _isPrimitive) = (gate, isPrimitive);

    private DeviceUse(DeviceUse use, Device profiled) : this(use._gate!, use._isPrimitive) => _profiled = profiled;

    /// <summary>The same, which a device's profile is told the end of.</summary>
    internal DeviceUse Profiled(Device device) => new(this, device);

    /// <summary>Lets other threads use the device again.</summary>
    public void Dispose()
    {
        _profiled?.EndProfiled();
        _gate?.Exit(_isPrimitive);
    }
}
