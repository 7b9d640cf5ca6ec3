namespace Engine.Layers;

/// <summary>A chain of modules, named 0, 1, 2 ..., each fed with what the one before made.</summary>
public sealed class Sequential : Module
{
    /// <summary>Makes a chain.</summary>
    public Sequential(params IEnumerable<Module> modules)
    {
        int count = 0;
        foreach (Module module in modules)
        {
            AddChild($"{count++}", module);
        }
    }

    /// <summary>Puts another module in the place of one in the chain, such as a new head.</summary>
    /// <param name="index">Which one, from 0.</param>
    /// <param name="module">The other.</param>
    /// <exception cref="ArgumentOutOfRangeException">The chain has no module of this index.</exception>
    public void Replace(int index, Module module)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Children.Count, nameof(index));
        AddChild(Children[index].Name, module);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Where no backward needs it, what one module made is released as soon as the next has read it. A convolution, the normalization
    /// behind it and the ReLU behind that are called together, so that they can be one.
    /// </remarks>
    protected override Tensor ForwardCore(Tensor input)
    {
        Tensor current = input;
        for (int i = 0; i < Children.Count; i++)
        {
            bool isOwn = !ReferenceEquals(current, input);
            if (Children[i].Module is Conv2d convolution && i + 1 < Children.Count && Children[i + 1].Module is Normalization norm)
            {
                ReLU? activation = i + 2 < Children.Count ? Children[i + 2].Module as ReLU : null;
                current = ConvolutionNorm.Forward(convolution, norm, current, activation: activation, consume: isOwn);
                i += activation is null ? 1 : 2;
            }
            else
            {
                Tensor next = Children[i].Module.Forward(current);
                current = isOwn ? Donate(current, next) : next;
            }
        }

        return current;
    }
}
