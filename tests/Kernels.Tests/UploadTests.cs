namespace Engine.Kernels.Tests;

/// <summary>The slots that uploads take on their way to the device.</summary>
[Collection("emulator")]
public sealed class UploadTests : EmulatorTest
{
    /// <summary>
    /// Pixels, placements and labels of a batch: it may only wait for a batch that is two before it, whose step is done when the
    /// batch before begins to compute.
    /// </summary>
    [Theory]
    [InlineData(256, 224 * 224 * 3)]
    [InlineData(256, 224 * 224 * 3 * 4)]
    [InlineData(128, 32 * 32 * 3)]
    [InlineData(32, 8 * 8)]
    public void A_batch_waits_for_none_of_its_own_uploads_nor_of_the_batch_before(int count, int imageBytes)
    {
        UploadSlots slots = new();
        Dictionary<(int, int), int> usedBy = [];
        int known = 0;
        for (int batch = 0; batch < 50; batch++)
        {
            foreach (long upload in (long[])[(long)count * imageBytes, count * 12L, count * 4L])
            {
                for (long left = upload; left > 0; left -= UploadSlots.Largest)
                {
                    int bytes = (int)Math.Min(left, UploadSlots.Largest);
                    (int Size, int Index) slot = slots.Take(bytes);
                    Assert.True(slot.Size >= bytes);
                    Assert.True(!usedBy.TryGetValue(slot, out int earlier) || earlier <= batch - 2, $"batch {batch} takes {slot} of batch {earlier}");
                    usedBy[slot] = batch;
                }
            }

            // Large ones are all there from the third batch on.
            int large = usedBy.Keys.Count(slot => slot.Item1 > 64 << 10);
            Assert.True(batch < 2 || large == known);
            known = large;
        }
    }

    [Fact]
    public void A_smaller_last_batch_takes_the_slots_of_the_others()
    {
        UploadSlots slots = new();
        (int Size, int Index) first = slots.Take(38_535_168), second = slots.Take(30_000_000), third = slots.Take(38_535_168);
        Assert.Equal(first.Size, second.Size);
        Assert.Equal(first, third);
        Assert.InRange(first.Size, 38_535_168, 38_535_168 * 9 / 8);
    }

    [Fact]
    public void Uploads_of_all_sizes_arrive_as_they_were()
    {
        using CudaDevice device = CudaDevice.Open();
        Random random = new(11);
        List<(byte[] Bytes, Tensor Tensor)> queued = [];
        foreach (int count in (int[])[5, 70_000, 3, 2_000_000, 1, 600_000, 600_000, 600_000, 9, 70_000])
        {
            byte[] bytes = new byte[count];
            random.NextBytes(bytes);
            queued.Add((bytes, Tensor.From<byte>(device, new Shape(count), bytes)));
        }

        foreach ((byte[] bytes, Tensor tensor) in queued)
        {
            Assert.Equal(bytes, tensor.ToArray<byte>());
            tensor.Dispose();
        }
    }
}
