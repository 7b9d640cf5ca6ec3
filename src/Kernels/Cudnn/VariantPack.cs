namespace Engine.Kernels.Cudnn;

/// <summary>Where a graph's tensors lie in one run of a plan: what differs from run to run.</summary>
public sealed class VariantPack : BackendDescriptor
{
    /// <summary>Packs addresses.</summary>
    /// <param name="target">The same as the plan's.</param>
    /// <param name="uniqueIds">The numbers of all tensors of the graph that are not virtual (<see cref="GraphTensor.UniqueId"/>).</param>
    /// <param name="addresses">Where each of them lies in device memory, in the same order; multiples of <see cref="GraphTensor.Alignment"/>.</param>
    /// <param name="workspace">Where <see cref="ExecutionPlan.WorkspaceBytes"/> of memory lie; 0 where none are needed.</param>
    public VariantPack(PlanTarget target, ReadOnlySpan<long> uniqueIds, ReadOnlySpan<nint> addresses, nint workspace)
        : base(target.Backend, BackendDescriptorType.VariantPack)
    {
        (long[] ids, nint[] data) = (uniqueIds.ToArray(), addresses.ToArray());
        Build(() =>
        {
            if (ids.Length != data.Length)
            {
                throw new EngineException($"a variant pack has {ids.Length} tensors, but {data.Length} addresses");
            }

            Set<long>(BackendAttribute.VariantPackUniqueIds, BackendAttributeType.Int64, ids);
            Set<nint>(BackendAttribute.VariantPackDataPointers, BackendAttributeType.Pointer, data);
            Set(BackendAttribute.VariantPackWorkspace, BackendAttributeType.Pointer, workspace);
        });
    }
}
