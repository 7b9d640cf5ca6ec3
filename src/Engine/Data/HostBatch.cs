namespace Engine.Data;

/// <summary>Room in host memory for one batch, filled by a loader's thread and reused for the whole run.</summary>
internal sealed class HostBatch(int capacity, int imageBytes)
{
    /// <summary>[N, H, W, C].</summary>
    public byte[] Pixels { get; } = GC.AllocateUninitializedArray<byte>(checked(capacity * imageBytes));

    /// <summary>[N, 3]: top, left, and 1 to mirror.</summary>
    public int[] Placements { get; } = new int[capacity * 3];

    /// <summary>[N].</summary>
    public int[] Labels { get; } = new int[capacity];

    /// <summary>[N]: each image's index in its source.</summary>
    public int[] Indices { get; } = new int[capacity];

    /// <summary>How many images are in it now.</summary>
    public int Count { get; set; }
}
